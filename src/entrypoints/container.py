"""The wiring: which adapter stands behind which port. The one place, with `lifespan`, that knows adapters.

Three choices are made here: `storage` (embedded or external PostgreSQL) and `photos` (a bucket or a folder) by the
settings, and `vision` (ONNX models). `in_memory` turns all of them to the in-memory adapters, and then every use case
runs without a file, a thread or a socket.
"""

from dependency_injector import containers, providers
from prometheus_client import CollectorRegistry

from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres
from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.imaging.decode import PillowImageDecoder
from facepass.adapters.imaging.quality import PillowQualityAssessor
from facepass.adapters.keys.configured import ConfiguredKeys
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.memory.readiness import AlwaysReady
from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.adapters.memory.vector_index import NoVectorIndex
from facepass.adapters.memory.vision import (
    ColourModel,
    MemoryEmbeddingModels,
    SceneDecoder,
    SizeAssessor,
    SquareDetector,
)
from facepass.adapters.onnx.detection.face_detector import OnnxFaceDetector
from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.recognition.embedding_models import OnnxEmbeddingModels
from facepass.adapters.onnx.runtime.device import choose_device
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.adapters.pgvector.engine import create_engine
from facepass.adapters.pgvector.in_memory.cache import SessionCache
from facepass.adapters.pgvector.readiness import DatabaseReadiness
from facepass.adapters.pgvector.search.hnsw_index import HnswIndex
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.adapters.system.admission import BoundedAdmission
from facepass.adapters.system.clock import SystemClock
from facepass.adapters.system.heap import IDLE_S, give_back
from facepass.adapters.telemetry.vector_index import MeteredVectorIndex
from facepass.application.check_audit import CheckAudit
from facepass.application.check_health import CheckHealth
from facepass.application.compare_faces import CompareFaces
from facepass.application.delete_gallery import DeleteGallery
from facepass.application.delete_photo import DeletePhoto
from facepass.application.detect_faces import DetectFaces
from facepass.application.expire_galleries import ExpireGalleries
from facepass.application.face_analysis import FaceAnalyser
from facepass.application.forget_person import ForgetPerson
from facepass.application.gallery_status import GetGalleryStatus
from facepass.application.get_photo import GetPhoto
from facepass.application.index_batch import IndexBatch
from facepass.application.index_photo import IndexPhoto
from facepass.application.index_status import GetIndexStatus
from facepass.application.look_after import LookAfter
from facepass.application.quality_gate import QualityGate
from facepass.application.read_audit import ReadAudit
from facepass.application.search_gallery import SearchGallery
from facepass.entrypoints import adapter_settings
from facepass.entrypoints.local_key import api_keys
from facepass.entrypoints.models import registry_of
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.source_photos import bucket_source, source_limits

WAIT_TIMEOUT_S = 10.0
"""Longest wait of a picture for its turn, before its caller is told to come back."""


class Container(containers.DeclarativeContainer):
    """Synchronous providers only: `lifespan.running` opens and closes what is asynchronous."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    storage: providers.Provider[str] = providers.Callable(adapter_settings.storage, settings)
    photos: providers.Provider[str] = providers.Callable(adapter_settings.photo_store, settings)
    vision: providers.Provider[str] = providers.Object("onnx")

    clock = providers.Singleton(SystemClock)
    upload_limits = providers.Singleton(adapter_settings.upload_limits, settings)
    source_limits = providers.Singleton(source_limits, settings)
    authenticator = providers.Singleton(ConfiguredKeys, providers.Callable(api_keys, settings))

    # Storage
    embedded_postgres = providers.Singleton(EmbeddedPostgres, settings.provided.application.data_dir)
    database_url = providers.Selector(
        storage,
        embedded=embedded_postgres.provided.url,
        external=providers.Callable(adapter_settings.external_url, settings),
    )
    pool = providers.Singleton(adapter_settings.pool, settings)
    engine = providers.Singleton(create_engine, database_url, pool)
    hnsw = providers.Singleton(adapter_settings.hnsw_parameters, settings)
    session_cache = providers.Singleton(SessionCache, settings.provided.search.search_cache_bytes)
    postgres_unit_of_work = providers.Singleton(
        PostgresUnitOfWorkFactory,
        engine,
        codec=providers.Singleton(adapter_settings.codec, settings),
        limits=providers.Singleton(adapter_settings.search_limits, settings),
        cache=session_cache,
        hnsw=hnsw,
    )
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

    metrics = providers.Singleton(CollectorRegistry)
    hnsw_index = providers.Singleton(
        MeteredVectorIndex,
        providers.Singleton(
            HnswIndex,
            engine,
            url=database_url,
            pool=pool,
            parameters=hnsw,
            exact_max_faces=settings.provided.search.exact_search_max_faces,
        ),
        registry=metrics,
    )
    vector_index = providers.Selector(
        storage, embedded=hnsw_index, external=hnsw_index, memory=providers.Singleton(NoVectorIndex)
    )

    # Photos named by key
    memory_photos: providers.Provider[dict[str, bytes]] = providers.Singleton(dict)
    folder_source = providers.Singleton(
        FolderImageSource, settings.provided.photo_root, max_bytes=source_limits.provided.max_bytes
    )
    bucket_source = providers.Singleton(bucket_source, settings, source_limits, clock)
    image_source = providers.Selector(
        photos,
        bucket=bucket_source,
        folder=folder_source,
        memory=providers.Singleton(MemoryImageSource, memory_photos, max_bytes=source_limits.provided.max_bytes),
    )

    # Recognition
    registry = providers.Singleton(registry_of, settings)
    pictures_at_work = providers.Callable(adapter_settings.pictures_at_work, settings)
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
    onnx_model_of = providers.Factory(
        OnnxEmbeddingModel,
        registry=registry,
        workers=workers,
        batch_max=settings.provided.recognition.ml_batch_max,
        device=device,
    )
    onnx_model = providers.Singleton(onnx_model_of, name=settings.provided.recognition.recognizer_type)
    decoder = providers.Selector(
        vision,
        onnx=providers.Singleton(PillowImageDecoder, workers, profile=settings.provided.recognition.detection_profile),
        memory=providers.Singleton(SceneDecoder),
    )
    detector = providers.Selector(vision, onnx=onnx_detector, memory=providers.Singleton(SquareDetector))
    quality = providers.Selector(
        vision, onnx=providers.Singleton(PillowQualityAssessor, workers), memory=providers.Singleton(SizeAssessor)
    )
    colour_model = providers.Singleton(ColourModel)
    model = providers.Selector(vision, onnx=onnx_model, memory=colour_model)
    onnx_models = providers.Singleton(OnnxEmbeddingModels, onnx_model, load=onnx_model_of.provider)
    models = providers.Selector(
        vision,
        onnx=onnx_models,
        memory=providers.Singleton(MemoryEmbeddingModels, colour_model),
    )
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
    selfie_gate = providers.Singleton(adapter_settings.selfie_gate, settings.provided.recognition, gate)
    analyser = providers.Singleton(
        FaceAnalyser,
        decoder=decoder,
        detector=detector,
        quality=quality,
        admission=admission,
        clock=clock,
    )

    # Use cases
    index_photo = providers.Singleton(
        IndexPhoto, analyser=analyser, models=models, unit_of_work=unit_of_work, gate=gate, clock=clock
    )
    index_batch = providers.Singleton(
        IndexBatch,
        index_photo=index_photo,
        source=image_source,
        limits=source_limits,
        max_photos=settings.provided.photos.batch_sync_max,
        concurrency=pictures_at_work,
    )
    search_gallery = providers.Singleton(
        SearchGallery, analyser=analyser, models=models, unit_of_work=unit_of_work, gate=selfie_gate, clock=clock
    )
    gallery_status = providers.Singleton(GetGalleryStatus, unit_of_work=unit_of_work)
    get_photo = providers.Singleton(GetPhoto, unit_of_work=unit_of_work)
    index_status = providers.Singleton(
        GetIndexStatus,
        models=models,
        unit_of_work=unit_of_work,
        index=vector_index,
        exact_max_faces=settings.provided.search.exact_search_max_faces,
    )
    delete_gallery = providers.Singleton(DeleteGallery, unit_of_work=unit_of_work, clock=clock)
    delete_photo = providers.Singleton(DeletePhoto, unit_of_work=unit_of_work, clock=clock)
    forget_person = providers.Singleton(
        ForgetPerson, analyser=analyser, models=models, unit_of_work=unit_of_work, gate=selfie_gate, clock=clock
    )
    expire_galleries = providers.Singleton(
        ExpireGalleries,
        unit_of_work=unit_of_work,
        clock=clock,
        ttl_days=settings.provided.retention.session_ttl_days,
        erased_kept_days=settings.provided.retention.backup_retention_days,
    )
    look_after = providers.Singleton(LookAfter, expire=expire_galleries, index=vector_index)
    check_audit = providers.Singleton(CheckAudit, unit_of_work=unit_of_work)
    read_audit = providers.Singleton(ReadAudit, unit_of_work=unit_of_work)
    detect_faces = providers.Singleton(DetectFaces, analyser=analyser, clock=clock)
    compare_faces = providers.Singleton(CompareFaces, analyser=analyser, model=model, gate=selfie_gate)
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
    container.photos.override(providers.Object("memory"))
    container.vision.override(providers.Object("memory"))
    return container
