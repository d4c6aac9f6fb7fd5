"""Measures how vectors are best kept in PostgreSQL: size, exact scans, writing, and loading a session into memory.

    python benchmarks/vector_storage.py
    python benchmarks/vector_storage.py --dimensions 512 --searches 100 --json

Raw SQL on the embedded server in a temporary DATA_DIR; TMPDIR chooses the disk. One table a kind of column: primary key
(session, photo, face number), 200 bytes that stand for what else is kept of a face, and the embedding. A session of
each size lies among `--others` faces of other sessions, half of them before it and half behind. Everything is cached.

vector           pgvector's float32 as it is by default: what makes a row longer than 2 kB is moved out of it
vector plain     the same with STORAGE PLAIN: always in the row
halfvec          pgvector's float16 by default; halfvec plain: always in the row
bytea            float16 and 28 bytes of nonce and tag, as in rows that the service encrypts; read, not decrypted

bytes/face       table, TOAST and index, over the rows
copy, insert     faces a second by COPY, and by INSERT with `executemany` in transactions of 1,000
scan             one exact search: the cosine to every face of the session, those above a threshold returned
load             a whole session into one float32 matrix of numpy, with photo and face number of each row; `rows` by
                 the codec of the package pgvector, `send` by `halfvec_send(embedding)` a row, `chunks` by one
                 `string_agg` of those for each 500 photos

Then what float16 costs: the change of the cosine in float64 when both templates are rounded, and how far their norm
moves from 1.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec
import numpy as np
from galleries import (
    HALFVEC,
    Connection,
    FaceTable,
    Gallery,
    Kind,
    Loss,
    Vectors,
    connected,
    empty_database,
    losses,
    pictures_of,
    positive,
    random_gallery,
)
from rich.console import Console
from rich.table import Table

from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging

KINDS = (
    Kind("vector", "vector({})", plain=False, number=">f4", send="vector_send"),
    Kind("vector plain", "vector({})", plain=True, number=">f4", send="vector_send"),
    Kind("halfvec", "halfvec({})", plain=False, number=">f2", send="halfvec_send"),
    HALFVEC,
    Kind("bytea", "bytea", plain=False, number=">f2", send=None),
)
LEAST_COSINE = 0.92
OTHER_SESSIONS = 100
BATCH_ROWS = 1_000
INSERT_BATCHES = 5
CHUNK_PHOTOS = 500
WARM_UP_ROUNDS = 3
LOADS = 3
ABOUT_AS_FAST = 1.1


class Figures(msgspec.Struct):
    """What was measured of one kind of column with one dimension.

    Attributes:
        bytes_per_face: table, TOAST and index.
        copied_per_second, inserted_per_second: faces.
        scans_ms: by faces of the session: p50 and p95 of one search; empty for bytea.
        loads_ms: by faces of the session, by way: the median of a few loads.
    """

    kind: str
    dimension: int
    bytes_per_face: float = 0.0
    copied_per_second: float = 0.0
    inserted_per_second: float = 0.0
    scans_ms: dict[int, tuple[float, float]] = {}
    loads_ms: dict[int, dict[str, float]] = {}


class Bench:
    """One kind of column with one dimension, in a table of its own.

    Args:
        raw: a connection that gives and takes vectors as bytes.
        package: one that gives them as the package pgvector makes them.
        sessions: galleries that are searched and loaded; numbered in the table by their size.
        others: of the other sessions.
        searches: scans of each session.
    """

    def __init__(
        self,
        raw: Connection,
        package: Connection,
        kind: Kind,
        *,
        sessions: list[Gallery],
        others: list[Gallery],
        searches: int,
        random: np.random.Generator,
    ) -> None:
        self._raw, self._package, self._kind = raw, package, kind
        self._sessions, self._others, self._searches, self._random = sessions, others, searches, random
        self._dimension = sessions[0].vectors.shape[1]
        self._table = FaceTable(raw, kind, self._dimension)
        embedding = f"{kind.send}(embedding)" if kind.send else "embedding"
        whole = f"FROM {self._table.name} WHERE session = $1"
        self._rows = f"SELECT photo, face_no, embedding {whole}"
        self._sent_rows = f"SELECT photo, face_no, {embedding} {whole}"
        self._chunks = (
            f"SELECT string_agg(int8send(photo) || int4send(face_no) || {embedding}, ''::bytea) {whole}"
            f" GROUP BY photo / {CHUNK_PHOTOS}"
        )

    async def measure(self) -> Figures:
        """Create the table, measure everything and drop it."""
        figures = Figures(self._kind.name, self._dimension)
        await self._table.create()
        await self._write(figures)
        for gallery in self._sessions:
            if self._kind.send is not None:
                figures.scans_ms[gallery.faces] = await self._scan(gallery)
            figures.loads_ms[gallery.faces] = await self._load(gallery.faces)
        await self._raw.execute(f"DROP TABLE {self._table.name}")
        return figures

    async def _write(self, figures: Figures) -> None:
        half = len(self._others) // 2
        numbered = [(-1 - number, gallery) for number, gallery in enumerate(self._others)]
        # in the order of the file: half of the others, those that are measured, the other half
        order = numbered[:half] + [(gallery.faces, gallery) for gallery in self._sessions] + numbered[half:]
        copy_s = [await self._table.copy(gallery, session) for session, gallery in order]
        faces = sum(gallery.faces for _, gallery in order)
        figures.copied_per_second = faces / sum(copy_s)
        name = self._table.name
        await self._raw.execute(f"VACUUM (ANALYZE) {name}")
        figures.bytes_per_face = await self._raw.fetchval(f"SELECT pg_total_relation_size('{name}')") / faces
        rows = self._table.rows(self._sessions[-1], 0)[: INSERT_BATCHES * BATCH_ROWS]
        statement = f"INSERT INTO {name} VALUES ($1, $2, $3, $4, $5)"  # noqa: S608 - a name of ours
        started = time.perf_counter()
        for first in range(0, len(rows), BATCH_ROWS):
            await self._raw.executemany(statement, rows[first : first + BATCH_ROWS])  # one transaction
        figures.inserted_per_second = len(rows) / (time.perf_counter() - started)

    async def _scan(self, gallery: Gallery) -> tuple[float, float]:
        """Search for people of the session, one after the other."""
        people = self._random.integers(len(gallery.centres), size=WARM_UP_ROUNDS + self._searches)
        probes = self._kind.encoded(pictures_of(gallery.centres, people, self._random))
        scan = self._table.scan
        times_s = []
        for probe in probes:
            started = time.perf_counter()
            await self._raw.fetch(scan, gallery.faces, probe, LEAST_COSINE)
            times_s.append(time.perf_counter() - started)
        p50, p95 = np.quantile(times_s[WARM_UP_ROUNDS:], (0.5, 0.95)) * 1e3
        return round(float(p50), 2), round(float(p95), 2)

    async def _load(self, faces: int) -> dict[str, float]:
        ways: dict[str, Callable[[int], Awaitable[Vectors]]]
        ways = {"rows": self._by_package, "send": self._by_bytes, "chunks": self._by_chunks}
        if self._kind.send is None:
            del ways["rows"]  # bytes already
        medians = {}
        for name, way in ways.items():
            times_s = []
            for _ in range(LOADS):
                started = time.perf_counter()
                loaded = await way(faces)
                times_s.append(time.perf_counter() - started)
                if loaded.shape != (faces, self._dimension) or loaded.dtype != np.float32:
                    raise SystemExit(f"{loaded.shape} {loaded.dtype} was loaded, not {faces} float32 vectors")
            medians[name] = round(1e3 * float(np.median(times_s)), 1)
        return medians

    async def _by_package(self, session: int) -> Vectors:
        rows = await self._package.fetch(self._rows, session)
        return np.stack([row[2].to_numpy() for row in rows]).astype(np.float32)

    async def _by_bytes(self, session: int) -> Vectors:
        rows = await self._raw.fetch(self._sent_rows, session)
        wire = np.frombuffer(b"".join([row[2] for row in rows]), self._kind.wire(self._dimension))
        return self._kind.decoded(wire)

    async def _by_chunks(self, session: int) -> Vectors:
        rows = await self._raw.fetch(self._chunks, session)
        row = np.dtype([("photo", ">i8"), ("face_no", ">i4"), ("value", self._kind.wire(self._dimension))])
        return self._kind.decoded(np.frombuffer(b"".join([chunk[0] for chunk in rows]), row)["value"])


async def measure(chosen: argparse.Namespace) -> tuple[list[Figures], list[Loss]]:
    """Every kind with every dimension, on the same faces."""
    figures: list[Figures] = []
    lost: list[Loss] = []
    async with (
        empty_database() as url,
        connected(url) as raw,
        connected(url, through_package=True) as package,
    ):
        for dimension in chosen.dimensions:
            random = np.random.default_rng(chosen.seed)
            sessions = [random_gallery(faces, dimension, random) for faces in sorted(chosen.sessions)]
            others = [
                random_gallery(max(1, chosen.others // OTHER_SESSIONS), dimension, random)
                for _ in range(OTHER_SESSIONS)
            ]
            for kind in KINDS:
                bench = Bench(
                    raw, package, kind, sessions=sessions, others=others, searches=chosen.searches, random=random
                )
                figures.append(await bench.measure())
            lost += losses(dimension, random)
    return figures, lost


def table(figures: list[Figures]) -> Table:
    """For people."""
    drawn = Table(box=None, pad_edge=False)
    sizes = list(figures[0].loads_ms)
    scans = [f"scan {size:,}\np50 / p95 ms" for size in sizes]
    loads = [f"load {size:,} ms\nrows/send/chunks" for size in sizes]
    for heading in ("kind", "dim", "bytes/\nface", "copy/s", "insert/s", *scans, *loads):
        drawn.add_column(heading, justify="left" if heading == "kind" else "right", no_wrap=True)
    for one in figures:
        drawn.add_row(
            *(one.kind, str(one.dimension), f"{one.bytes_per_face:,.0f}"),
            *(f"{one.copied_per_second:,.0f}", f"{one.inserted_per_second:,.0f}"),
            *(" / ".join(f"{value:.1f}" for value in one.scans_ms.get(size, ())) for size in sizes),
            *(" / ".join(f"{value:,.0f}" for value in one.loads_ms[size].values()) for size in sizes),
        )
    return drawn


def loss_table(lost: list[Loss]) -> Table:
    """For people."""
    drawn = Table("float16, pairs", "dim", "cosine mean", "cosine max", "norm max", box=None, pad_edge=False)
    for one in lost:
        drawn.add_row(
            one.pairs, str(one.dimension), *(f"{v:.1e}" for v in (one.cosine_mean, one.cosine_max, one.norm_max))
        )
    return drawn


def verdict(figures: list[Figures]) -> str:
    """Of the kinds that scan the largest session about as fast as the fastest, the one of fewest bytes."""
    lines = []
    for dimension in dict.fromkeys(one.dimension for one in figures):
        scanned = {one.kind: one for one in figures if one.dimension == dimension and one.scans_ms}
        largest = max(scanned[HALFVEC.name].scans_ms)
        bound_ms = ABOUT_AS_FAST * min(one.scans_ms[largest][0] for one in scanned.values())
        fast = [one for one in scanned.values() if one.scans_ms[largest][0] <= bound_ms]
        kept, before = min(fast, key=lambda one: one.bytes_per_face), scanned["vector plain"]
        scan = kept.scans_ms[largest][0] / before.scans_ms[largest][0]
        load = min(kept.loads_ms[largest].values()) / min(before.loads_ms[largest].values())
        lines.append(
            f"{dimension}: {kept.kind} is kept. To vector plain, at {largest:,} faces: "
            f"bytes x{kept.bytes_per_face / before.bytes_per_face:.2f}, scan x{scan:.2f}, load x{load:.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dimensions", type=positive, nargs="+", default=[128, 512], metavar="D", help="(128 512)")
    parser.add_argument(
        "--sessions", type=positive, nargs="+", default=[1_000, 10_000, 50_000], metavar="N", help="(1000 10000 50000)"
    )
    parser.add_argument("--others", type=positive, default=100_000, help="faces of other sessions (100000)")
    parser.add_argument("--searches", type=positive, default=50, help="scans of each session (50)")
    parser.add_argument("--seed", type=int, default=1, help="of the drawn faces (1)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    chosen = parser.parse_args()
    logs.configure(Logging(log_level="ERROR"))
    figures, lost = asyncio.run(measure(chosen))
    if chosen.json:
        print(msgspec.json.format(msgspec.json.encode({"storage": figures, "float16": lost})).decode())
        return
    console = Console()
    console.print(table(figures))
    console.print(loss_table(lost))
    console.print(verdict(figures), highlight=False)


if __name__ == "__main__":
    main()
