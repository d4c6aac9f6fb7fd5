"""Faces drawn from a distribution, and plain tables to put them into: what storage and search are measured on.

The vectors lie as a recogniser's do, not as random directions do: strangers share a direction and differ within few
others, as the cosines of dlib's network show (around 0.75, with a tail that reaches past the operating point), and a
person's pictures scatter around them, by a different amount each.
"""

import argparse
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import asyncpg
import msgspec
import numpy as np
import numpy.typing as npt
from pgvector import HalfVector, Vector

from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres
from facepass.adapters.pgvector.engine import PoolSettings, connect

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Vectors = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

STRANGERS_COSINE = 0.75
IDENTITY_DIRECTIONS = 16
"""People differ within so many dimensions: 0.1 % of pairs of strangers then come above 0.9."""
OWN_SHARES = (0.90, 0.99)
"""Squared cosine of a picture to its person: two pictures of one person have 0.95 on average."""
MOST_PICTURES = 40
MOST_FACES = 5
STATEMENT_TIMEOUT_S = 300.0
DETAILS = b"\0" * 200
CRYPTO_BYTES = 28
PAIRS = 50_000
NEAR = 0.01
"""Length of the random step between two nearly identical vectors: cosines around 0.99995."""


@dataclass(frozen=True, slots=True)
class Gallery:
    """The faces of one session, in the order in which they are stored.

    Attributes:
        vectors: `(faces, dimension)` float32, unit norm.
        people: `(faces,)`, whose face each is, from 0.
        photos: `(faces,)`, ascending, the photo each is on, from 0.
        face_nos: `(faces,)`, counted from 0 on each photo.
        centres: `(people, dimension)` float32, unit norm.
    """

    vectors: Vectors
    people: Numbers
    photos: Numbers
    face_nos: Numbers
    centres: Vectors

    @property
    def faces(self) -> int:
        """How many."""
        return len(self.vectors)


def unit(vectors: npt.NDArray[np.floating]) -> Vectors:
    """Rows scaled to norm 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def random_gallery(faces: int, dimension: int, random: np.random.Generator) -> Gallery:
    """People with 1 to 40 pictures each, in any order on photos of 1 to 5 faces."""
    pictures = random.integers(1, MOST_PICTURES + 1, size=faces)  # more than enough people
    people = np.repeat(np.arange(faces), pictures)[:faces]
    centres = _centres(int(people[-1]) + 1, dimension, random)
    random.shuffle(people)
    on_photo = random.integers(1, MOST_FACES + 1, size=faces)
    photos = np.repeat(np.arange(faces), on_photo)[:faces]
    first = np.searchsorted(photos, photos)
    return Gallery(pictures_of(centres, people, random), people, photos, np.arange(faces) - first, centres)


def pictures_of(centres: Vectors, people: Numbers, random: np.random.Generator) -> Vectors:
    """One new picture of each of these people; of somebody several times, different ones."""
    share = random.uniform(*OWN_SHARES, size=(len(people), 1)).astype(np.float32)
    noise = unit(random.standard_normal((len(people), centres.shape[1]), dtype=np.float32))
    return unit(np.sqrt(share) * centres[people] + np.sqrt(1 - share) * noise)


def _centres(people: int, dimension: int, random: np.random.Generator) -> Vectors:
    axes, _ = np.linalg.qr(np.random.default_rng(dimension).standard_normal((dimension, 1 + IDENTITY_DIRECTIONS)))
    own = unit(random.standard_normal((people, IDENTITY_DIRECTIONS), dtype=np.float32)) @ axes[:, 1:].T
    shared = STRANGERS_COSINE / np.mean(OWN_SHARES)  # the pictures' noise takes its part of the strangers' cosine
    return unit(np.sqrt(shared) * axes[:, 0] + np.sqrt(1 - shared) * own)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is searched for.

    Attributes:
        probe: `(dimension,)` float32, unit norm.
        photos: the cosine in float64 of every photo's best face that reaches the threshold.
        faces: how many reach it.
    """

    probe: Vectors
    photos: dict[int, float]
    faces: int


def visitors(gallery: Gallery, count: int, random: np.random.Generator, *, least_cosine: float) -> list[Visitor]:
    """People of the session with pictures that are not in it, and what must be found."""
    probes = pictures_of(gallery.centres, random.integers(len(gallery.centres), size=count), random)
    exact = gallery.vectors.astype(np.float64)
    found = []
    for probe in probes:
        cosines = exact @ probe.astype(np.float64)
        photos: dict[int, float] = {}
        for face in np.flatnonzero(cosines >= least_cosine).tolist():
            photo = int(gallery.photos[face])
            photos[photo] = max(photos.get(photo, -1.0), float(cosines[face]))
        found.append(Visitor(probe, photos, faces=int(np.count_nonzero(cosines >= least_cosine))))
    return found


class Loss(msgspec.Struct, frozen=True):
    """What rounding both templates to float16 does.

    Attributes:
        cosine_mean, cosine_max: of the absolute change of a pair's cosine.
        norm_max: largest distance of a rounded template's norm from 1.
    """

    pairs: str
    dimension: int
    cosine_mean: float
    cosine_max: float
    norm_max: float


def losses(dimension: int, random: np.random.Generator) -> list[Loss]:
    """What float16 costs, over pairs of each sort."""
    gallery = random_gallery(PAIRS, dimension, random)
    directions = unit(random.standard_normal((PAIRS, dimension), dtype=np.float32))
    steps = unit(random.standard_normal((PAIRS, dimension), dtype=np.float32))
    sorts = {
        "random directions": (directions, np.roll(directions, 1, axis=0)),
        "strangers": (gallery.vectors, np.roll(gallery.vectors, 1, axis=0)),
        "one person": (gallery.vectors, pictures_of(gallery.centres, gallery.people, random)),
        "nearly identical": (gallery.vectors, unit(gallery.vectors + NEAR * steps)),
    }
    return [_loss(name, *pair) for name, pair in sorts.items()]


def _loss(name: str, left: Vectors, right: Vectors) -> Loss:
    exact = np.einsum("nd,nd->n", left, right, dtype=np.float64)
    halves = [side.astype(np.float16).astype(np.float64) for side in (left, right)]
    change = np.abs(np.einsum("nd,nd->n", *halves) - exact)
    norm = float(np.abs(np.linalg.norm(halves[0], axis=1) - 1).max())
    return Loss(name, left.shape[1], float(change.mean()), float(change.max()), norm)


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to keep a vector in a column.

    Attributes:
        name: for people.
        type: of the column; `{}` stands for the dimension.
        plain: whether it always stays in its row.
        number: of one component on the wire, as numpy writes it.
        send: the function that turns it into bytes on the server; None for what is bytes already.
    """

    name: str
    type: str
    plain: bool
    number: str
    send: str | None

    def wire(self, dimension: int) -> np.dtype[np.void]:
        """One value in PostgreSQL's binary format, big-endian."""
        if self.send is None:
            return np.dtype([("crypto", f"V{CRYPTO_BYTES}"), ("vector", self.number, (dimension,))])
        return np.dtype([("dimension", ">u2"), ("unused", ">u2"), ("vector", self.number, (dimension,))])

    def encoded(self, vectors: Vectors) -> list[bytes]:
        """The vectors as the server takes them."""
        wire = np.zeros(len(vectors), dtype=self.wire(vectors.shape[1]))
        wire["vector"] = vectors
        if self.send is not None:
            wire["dimension"] = vectors.shape[1]
        return [row.tobytes() for row in wire]

    def decoded(self, wire: npt.NDArray[np.void]) -> Vectors:
        """The vectors of what the server sent."""
        native = np.dtype(self.number).newbyteorder("=")
        return wire["vector"].astype(native).astype(np.float32)


HALFVEC = Kind("halfvec plain", "halfvec({})", plain=True, number=">f2", send="halfvec_send")


class FaceTable:
    """A table of faces with the primary key (session, photo, face number) and 200 bytes beside the embedding.

    Args:
        connection: of `connected`, with vectors as bytes.
        kind: of its column `embedding`.
        dimension: of the vectors.
    """

    def __init__(self, connection: Connection, kind: Kind, dimension: int) -> None:
        self._connection = connection
        self._kind = kind
        self._dimension = dimension
        # a name of its own: the driver keeps prepared statements, and with them the types of their parameters
        self.name = f"faces_{dimension}_{kind.name.replace(' ', '_')}"
        self.scan = (
            "SELECT * FROM (SELECT photo, face_no, details, -(embedding <#> $2) AS cosine"  # noqa: S608 - our own names
            f" FROM {self.name} WHERE session = $1 OFFSET 0) AS scored WHERE cosine >= $3"
        )

    async def create(self) -> None:
        """Empty."""
        await self._connection.execute(
            f"CREATE TABLE {self.name} (session bigint, photo bigint, face_no int, details bytea STORAGE PLAIN,"
            f" embedding {self._kind.type.format(self._dimension)} {'STORAGE PLAIN' if self._kind.plain else ''},"
            " PRIMARY KEY (session, photo, face_no))"
        )

    def rows(self, gallery: Gallery, session: int) -> list[tuple[int, int, int, bytes, bytes]]:
        """The faces of a gallery, as `COPY` and `INSERT` take them."""
        keys = zip(gallery.photos.tolist(), gallery.face_nos.tolist(), strict=True)
        embeddings = self._kind.encoded(gallery.vectors)
        return [(session, *key, DETAILS, embedding) for key, embedding in zip(keys, embeddings, strict=True)]

    async def copy(self, gallery: Gallery, session: int) -> float:
        """Write the faces of a gallery; the seconds that took."""
        rows = self.rows(gallery, session)
        return await timed(lambda: self._connection.copy_records_to_table(self.name, records=rows))


@asynccontextmanager
async def connected(url: str, *, through_package: bool = False) -> AsyncIterator[Connection]:
    """A connection that gives and takes vectors as the package pgvector does, or as the bytes on the wire."""
    connection = await connect(url, PoolSettings(), statement_timeout_s=STATEMENT_TIMEOUT_S)
    try:
        for name, of_package in (("vector", Vector), ("halfvec", HalfVector)):
            await connection.set_type_codec(
                name,
                encoder=of_package.to_binary if through_package else bytes,
                decoder=of_package.from_binary if through_package else bytes,
                format="binary",
            )
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def empty_database() -> AsyncIterator[str]:
    """The URL of an embedded server in a temporary DATA_DIR, on the disk that TMPDIR chooses; removed afterwards."""
    with _data_folder() as folder:
        embedded = EmbeddedPostgres(folder)
        url = await embedded.start()
        try:
            yield url
        finally:
            await embedded.stop()


@contextmanager
def _data_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # the embedded database runs as another user when this one is root
        yield folder


async def timed(action: Callable[[], Awaitable[object]]) -> float:
    """Seconds one run takes."""
    started = time.perf_counter()
    await action()
    return time.perf_counter() - started


def positive(text: str) -> int:
    """For argparse: an integer from 1."""
    if (value := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value
