"""What an operator does to an installation outside of requests: migrate its database, look at it, prepare its models.

Beside `container` and `lifespan` the one module that knows adapters, so that the command line need not.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from facepass.adapters.embedded_postgres import postmaster
from facepass.adapters.onnx.benchmark import PrecisionComparison, compare_precisions
from facepass.adapters.onnx.detection.retinaface import RetinaFace
from facepass.adapters.onnx.embedded.prepare import damaged_models, prepare_models
from facepass.adapters.onnx.golden import portrait
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, connect
from facepass.adapters.pgvector.errors import vendor_errors
from facepass.adapters.pgvector.migrate import Revision
from facepass.domain.errors import InvalidRequest
from facepass.entrypoints.container import Container
from facepass.entrypoints.settings import Settings

Progress = Callable[[str], None]

LEAST_FACES, MOST_FACES = 8, 100
"""Of a comparison of precisions."""


class Migrations:
    """The schema of a database that is open.

    Attributes:
        url: of the database, password included.
    """

    def __init__(self, url: str, pool: PoolSettings) -> None:
        self.url = url
        self._pool = pool

    async def upgrade(self, revision: str) -> bool:
        """Bring the schema to a revision, or `head`; whether anything had to be done.

        Raises:
            ConfigurationError, DependencyUnavailable: see `migrate.upgrade`.
        """
        return await migrate.upgrade(self.url, self._pool, revision)

    async def downgrade(self, revision: str) -> None:
        """Take the schema back to an older revision, or `base`; what only newer ones hold is lost.

        Raises:
            ConfigurationError, DependencyUnavailable: see `migrate.downgrade`.
        """
        await migrate.downgrade(self.url, self._pool, revision)

    async def current(self) -> str | None:
        """The revision the database is at; None for none."""
        return await migrate.current(self.url, self._pool)

    async def history(self) -> tuple[Revision, ...]:
        """Every migration, oldest first, and whether the database has it."""
        return await migrate.history(self.url, self._pool)


@asynccontextmanager
async def migrations(settings: Settings, *, progress: Progress) -> AsyncIterator[Migrations]:
    """The schema of the configured database; the embedded one runs as long as the block lasts.

    Raises:
        ConfigurationError, DependencyUnavailable: the embedded database cannot be started.
    """
    container = Container(settings=settings)
    pool = container.pool()
    if not settings.database.is_embedded:
        yield Migrations(container.database_url(), pool)
        return
    progress("Starting the embedded database.")
    embedded = container.embedded_postgres()
    url = await embedded.start()
    try:
        yield Migrations(url, pool)
    finally:
        await embedded.stop()


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What a database says about itself.

    Attributes:
        revision: of our schema; None where it was never made.
        head: the revision this version of FacePass needs.
    """

    postgresql: str
    pgvector: str | None
    revision: str | None
    head: str


def embedded_state(settings: Settings) -> str:
    """`running`, `stopped` or `missing`: of the embedded database, found out without touching it."""
    data = settings.application.data_dir.absolute() / "postgres" / "data"
    if not data.exists():
        return "missing"
    pid_file = postmaster.read_pid_file(data)
    return "running" if pid_file and postmaster.is_server(pid_file.pid, data) else "stopped"


async def database_facts(settings: Settings, *, progress: Progress) -> DatabaseFacts:
    """Ask the configured database about itself; the embedded one must be running.

    Raises:
        ConfigurationError: it refuses us.
        DependencyUnavailable: it is out of reach.
    """
    pool = Container(settings=settings).pool()
    async with migrations(settings, progress=progress) as schema:
        revision = await schema.current()
        with vendor_errors():
            connection = await connect(schema.url, pool)
            try:
                version = await connection.fetchval("SHOW server_version")
                pgvector = await connection.fetchval("SELECT extversion FROM pg_extension WHERE extname = 'vector'")
            finally:
                await connection.close(timeout=pool.timeout_s)
    return DatabaseFacts(version, pgvector, revision, migrate.chain()[-1][0])


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A prepared model.

    Attributes:
        name: of detector or recogniser.
    """

    name: str
    file: str
    size_bytes: int


def prepare(settings: Settings, *, source: Path | None, progress: Progress) -> tuple[ModelFile, ...]:
    """Make sure that all models are there and whole.

    Args:
        settings: say where models are kept.
        source: an archive, or a folder of archives, to read instead of fetching them; None to fetch what is missing.
        progress: told in a line what takes time.

    Raises:
        ConfigurationError: they cannot be had; says what to do.
    """
    models = prepare_models(settings.models_dir, source=source, progress=progress)
    files = (models.detector, models.recogniser_fp32, models.recogniser_int8)
    return tuple(ModelFile(file.stem, str(file), file.stat().st_size) for file in files)


def models_to_prepare(settings: Settings) -> tuple[str, ...]:
    """Names of the model files that are missing, or differ from their recorded SHA-256."""
    return tuple(sorted(damaged_models(settings.models_dir)))


def check_prepared_models(settings: Settings) -> None:
    """Have the prepared models look at a drawn face, and compare with what they saw when they were released.

    Raises:
        ConfigurationError: they compute something else on this machine.
    """
    container = Container(settings=settings)
    try:
        container.detector()
        container.model()
    finally:
        container.workers().close()


def compare_prepared_precisions(
    settings: Settings, pictures: Iterable[npt.NDArray[np.uint8]], *, repeats: int
) -> PrecisionComparison:
    """Time the float and the int8 recogniser, and say how far their vectors drift apart, on the faces of pictures.

    Args:
        settings: say where models are kept.
        pictures: `(height, width, 3)` uint8 RGB, upright; read until they have given `MOST_FACES` faces.
        repeats: timed runs of each kind.

    Raises:
        ConfigurationError: a model cannot be loaded.
        InvalidRequest: the pictures show fewer than `LEAST_FACES` faces.
    """
    registry = Container(settings=settings).registry()
    detector = RetinaFace(registry.require(registry.detector("retinaface-mnet025")))
    template = registry.recogniser("dlib-resnet29-int8").template
    chips: list[npt.NDArray[np.uint8]] = []
    for picture in pictures:
        chips += [align(picture, face.landmarks, template) for face in detector.detect(picture)]
        if len(chips) >= MOST_FACES:
            break
    if len(chips) < LEAST_FACES:
        raise InvalidRequest.field("photos", f"must show at least {LEAST_FACES} faces, {len(chips)} were found")
    return compare_precisions(registry, np.stack(chips[:MOST_FACES]), repeats)


def drawn_faces(count: int) -> Iterable[npt.NDArray[np.uint8]]:
    """So many pictures of a drawn face, each with noise of its own, the same every time."""
    noise = np.random.default_rng(0)
    for _ in range(count):
        picture = portrait()
        yield np.clip(picture + noise.normal(0.0, 8.0, picture.shape), 0, 255).astype(np.uint8)
