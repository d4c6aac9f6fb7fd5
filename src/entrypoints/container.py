"""The wiring: which adapter stands behind which port. The one place, with `lifespan`, that knows adapters.

Two choices are made here: `storage` (embedded or external PostgreSQL, from the settings) and `vision` (ONNX models).
`in_memory` turns both to the in-memory adapters, and then every use case runs without a file, a thread or a socket.
"""

from urllib.parse import quote

from dependency_injector import containers, providers

from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres
from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.imaging.decode import PillowImageDecoder
from facepass.adapters.imaging.quality import PillowQualityAssessor
from facepass.adapters.keys.configured import ConfiguredKeys
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.memory.readiness import AlwaysReady
from facepass.adapters.memory.repository import InMemoryStore, InMemoryUnitOfWorkFactory
from facepass.adapters.memory.vision import ColourModel, SceneDecoder, SizeAssessor, SquareDetector
from facepass.adapters.onnx.detection.face_detector import OnnxFaceDetector
from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.runtime.device import choose_device
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.readiness import DatabaseReadiness
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.adapters.system.admission import BoundedAdmission
from facepass.adapters.system.clock import SystemClock
from facepass.adapters.system.heap import IDLE_S, give_back
from facepass.application.check_health import CheckHealth
from facepass.application.compare_faces import CompareFaces
from facepass.application.delete_gallery import DeleteGallery
from facepass.application.detect_faces import DetectFaces
from facepass.application.face_analysis import FaceAnalyser
from facepass.application.gallery_status import GetGalleryStatus
from facepass.application.get_photo import GetPhoto
from facepass.application.index_batch import IndexBatch
from facepass.application.index_photo import IndexPhoto
from facepass.application.ports import ImageLimits
from facepass.application.quality_gate import QualityGate
from facepass.application.search_gallery import SearchGallery
from facepass.entrypoints.local_key import api_keys
from facepass.entrypoints.models import registry_of
from facepass.entrypoints.settings import Recognition, Settings
from facepass.entrypoints.source_photos import source_limits

WAIT_TIMEOUT_S = 10.0
"""Longest wait of a picture for its turn, before its caller is told to come back."""

RUNNING_PER_THREAD = 2
"""Pictures at work for each inference thread: one is embedded while the next is decoded."""


def _storage(settings: Settings) -> str:
    return "embedded" if settings.database.is_embedded else "external"


def _external_url(settings: Settings) -> str:
    database = settings.database
    if database.database_url is not None:
        return database.database_url.reveal()
    user, password, name = (
        quote(part, safe="")
        for part in (database.postgres_user, database.postgres_password.reveal(), database.postgres_db)
    )
    return f"postgresql://{user}:{password}@{database.postgres_host}:{database.postgres_port}/{name}"


def _pool(settings: Settings) -> PoolSettings:
    database = settings.database
    return PoolSettings(
        pool_min=min(database.db_pool_min, database.db_pool_max),
        pool_max=database.db_pool_max,
        timeout_s=database.db_timeout_s,
        # The embedded server's address says so itself: the connection never leaves the machine.
        sslmode=None if database.is_embedded or database.database_url is not None else database.db_sslmode,
    )


def _upload_limits(settings: Settings) -> ImageLimits:
    uploads = settings.uploads
    return ImageLimits(
        max_bytes=uploads.max_upload_bytes, max_side=uploads.max_image_side, max_pixels=uploads.max_image_side**2
    )


def _pictures_at_work(settings: Settings) -> int:
    return RUNNING_PER_THREAD * settings.recognition.ml_threads


def _selfie_gate(recognition: Recognition, gate: QualityGate) -> QualityGate:
    """Never more lenient than the gate of indexing: who cannot be indexed cannot be searched for either."""
    return QualityGate(recognition.min_selfie_size, recognition.min_selfie_quality).at_least(gate)


class Container(containers.DeclarativeContainer):
    """Synchronous providers only: `lifespan.running` opens and closes what is asynchronous."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    storage: providers.Provider[str] = providers.Callable(_storage, settings)
    vision: providers.Provider[str] = providers.Object("onnx")

    clock = providers.Singleton(SystemClock)
    upload_limits = providers.Singleton(_upload_limits, settings)
    source_limits = providers.Singleton(source_limits, settings)
    authenticator = providers.Singleton(ConfiguredKeys, providers.Callable(api_keys, settings))

    # Storage
    embedded_postgres = providers.Singleton(EmbeddedPostgres, settings.provided.application.data_dir)
    database_url = providers.Selector(
        storage, embedded=embedded_postgres.provided.url, external=providers.Callable(_external_url, settings)
    )
    pool = providers.Singleton(_pool, settings)
    engine = providers.Singleton(create_engine, database_url, pool)
    postgres_unit_of_work = providers.Singleton(PostgresUnitOfWorkFactory, engine)
    postgres_readiness = providers.Singleton(
        DatabaseReadiness, engine, timeout_s=settings.provided.database.db_timeout_s
    )
    memory_store = providers.Singleton(InMemoryStore)
    unit_of_work = providers.Selector(
        storage,
        embedded=postgres_unit_of_work,
        external=postgres_unit_of_work,
        memory=providers.Singleton(InMemoryUnitOfWorkFactory, memory_store),
    )
    database_readiness = providers.Selector(
        storage,
        embedded=postgres_readiness,
        external=postgres_readiness,
        memory=providers.Singleton(AlwaysReady),
    )

    # Photos named by key
    memory_photos: providers.Provider[dict[str, bytes]] = providers.Singleton(dict)
    folder_source = providers.Singleton(
        FolderImageSource, settings.provided.photo_root, max_bytes=source_limits.provided.max_bytes
    )
    image_source = providers.Selector(
        storage,
        embedded=folder_source,
        external=folder_source,
        memory=providers.Singleton(MemoryImageSource, memory_photos, max_bytes=source_limits.provided.max_bytes),
    )

    # Recognition
    registry = providers.Singleton(registry_of, settings)
    pictures_at_work = providers.Callable(_pictures_at_work, settings)
    device = providers.Singleton(
        choose_device,
        enable_cuda=settings.provided.recognition.local_ml_enable_cuda,
        name=settings.provided.recognition.local_ml_device,
    )
    workers = providers.Singleton(InferenceExecutor, threads=settings.provided.recognition.ml_threads)
    onnx_detector = providers.Singleton(
        OnnxFaceDetector,
        registry=registry,
        name=settings.provided.recognition.detector_type,
        workers=workers,
        score_threshold=settings.provided.recognition.face_detection_threshold,
        profile=settings.provided.recognition.detection_profile,
        device=device,
    )
    onnx_model = providers.Singleton(
        OnnxEmbeddingModel,
        registry=registry,
        name=settings.provided.recognition.recognizer_type,
        workers=workers,
        batch_max=settings.provided.recognition.ml_batch_max,
        device=device,
    )
    decoder = providers.Selector(
        vision,
        onnx=providers.Singleton(PillowImageDecoder, workers, profile=settings.provided.recognition.detection_profile),
        memory=providers.Singleton(SceneDecoder),
    )
    detector = providers.Selector(vision, onnx=onnx_detector, memory=providers.Singleton(SquareDetector))
    quality = providers.Selector(
        vision, onnx=providers.Singleton(PillowQualityAssessor, workers), memory=providers.Singleton(SizeAssessor)
    )
    model = providers.Selector(vision, onnx=onnx_model, memory=providers.Singleton(ColourModel))
    admission = providers.Singleton(
        BoundedAdmission,
        max_running=pictures_at_work,
        max_waiting=settings.provided.recognition.ml_queue_max,
        wait_timeout_s=WAIT_TIMEOUT_S,
        when_idle=providers.Object(give_back),
        idle_s=IDLE_S,
    )
    gate = providers.Singleton(
        QualityGate,
        min_face_px=settings.provided.recognition.min_face_size,
        min_score=settings.provided.recognition.min_face_quality,
    )
    selfie_gate = providers.Singleton(_selfie_gate, settings.provided.recognition, gate)
    analyser = providers.Singleton(
        FaceAnalyser,
        decoder=decoder,
        detector=detector,
        quality=quality,
        model=model,
        admission=admission,
        clock=clock,
    )

    # Use cases
    index_photo = providers.Singleton(IndexPhoto, analyser=analyser, unit_of_work=unit_of_work, gate=gate, clock=clock)
    index_batch = providers.Singleton(
        IndexBatch,
        index_photo=index_photo,
        source=image_source,
        limits=source_limits,
        max_photos=settings.provided.photos.batch_sync_max,
        concurrency=pictures_at_work,
    )
    search_gallery = providers.Singleton(
        SearchGallery, analyser=analyser, unit_of_work=unit_of_work, gate=selfie_gate, clock=clock
    )
    gallery_status = providers.Singleton(GetGalleryStatus, unit_of_work=unit_of_work)
    get_photo = providers.Singleton(GetPhoto, unit_of_work=unit_of_work)
    delete_gallery = providers.Singleton(DeleteGallery, unit_of_work=unit_of_work, clock=clock)
    detect_faces = providers.Singleton(DetectFaces, analyser=analyser, clock=clock)
    compare_faces = providers.Singleton(CompareFaces, analyser=analyser, gate=selfie_gate)
    check_health = providers.Singleton(
        CheckHealth, dependencies=providers.Dict(database=database_readiness), clock=clock
    )


def build_container(settings: Settings) -> Container:
    """The service as configured. Opens nothing yet."""
    return Container(settings=settings)


def in_memory(settings: Settings) -> Container:
    """The same service on in-memory adapters, for tests and trials: see `facepass.adapters.memory`."""
    container = Container(settings=settings)
    container.storage.override(providers.Object("memory"))
    container.vision.override(providers.Object("memory"))
    return container
