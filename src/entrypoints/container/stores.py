"""What the service keeps and reads: the choices that settings make, the database, the photos named by key."""

from dependency_injector import containers, providers

from facepass import __version__
from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres
from facepass.adapters.filesystem.image_source import FolderImageSource
from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.memory.readiness import AlwaysReady
from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.adapters.memory.vector_index import NoVectorIndex
from facepass.adapters.pgqueuer.entries import QueueEntries
from facepass.adapters.pgvector.engine import create_engine
from facepass.adapters.pgvector.errors import DEPENDENCY as DATABASE
from facepass.adapters.pgvector.in_memory.cache import SessionCache
from facepass.adapters.pgvector.pool_figures import EnginePool
from facepass.adapters.pgvector.readiness import DatabaseReadiness
from facepass.adapters.pgvector.search.hnsw_index import HnswIndex
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.adapters.resilience.breaker import BreakerLimits, CircuitBreaker
from facepass.adapters.resilience.image_source import GuardedImageSource
from facepass.adapters.resilience.metrics import BreakerMetrics
from facepass.adapters.resilience.readiness import GuardedReadiness
from facepass.adapters.resilience.unit_of_work import GuardedUnitOfWorkFactory
from facepass.adapters.s3.object_reader import DEPENDENCY as PHOTOS
from facepass.adapters.s3.readiness import PhotoStoreReadiness
from facepass.adapters.system.clock import SystemClock
from facepass.adapters.system.memory_limit import memory_limit_bytes
from facepass.adapters.telemetry.connections import ConnectionGauges
from facepass.adapters.telemetry.machine import MachineGauges
from facepass.adapters.telemetry.registry import new_registry
from facepass.adapters.telemetry.store_gauges import StoreGauges
from facepass.adapters.telemetry.store_metrics import StoreMetrics
from facepass.adapters.telemetry.tracing.dropped_spans import DroppedSpans
from facepass.adapters.telemetry.tracing.stores import TracedImageSource, TracedUnitOfWorkFactory
from facepass.adapters.telemetry.unit_of_work import MeteredUnitOfWorkFactory
from facepass.adapters.telemetry.vector_index import MeteredVectorIndex
from facepass.application.byte_budget import ByteBudget
from facepass.application.read_photo import ReadPhoto
from facepass.entrypoints import adapter_settings
from facepass.entrypoints.container.tracing import traced, traces, tracing
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.source_photos import bucket_source, source_limits

PING_TIMEOUT_S = 1.5
"""For the question whether the database answers; below the limit of the breaker that asks it."""


class Stores(containers.DeclarativeContainer):
    """Settings, clock, database, photos, numbers."""

    settings: providers.Dependency[Settings] = providers.Dependency(instance_of=Settings)
    storage: providers.Provider[str] = providers.Callable(adapter_settings.storage, settings)
    photos: providers.Provider[str] = providers.Callable(adapter_settings.photo_store, settings)
    rates: providers.Provider[str] = providers.Callable(adapter_settings.rates, settings)
    vision: providers.Provider[str] = providers.Object("onnx")

    clock = providers.Singleton(SystemClock)
    metrics = providers.Singleton(new_registry, version=__version__)
    dropped_spans = providers.Singleton(DroppedSpans, metrics)
    tracing = providers.Singleton(tracing, settings, clock=clock, dropped=dropped_spans)
    traces = providers.Callable(traces, tracing)
    machine_gauges = providers.Singleton(
        MachineGauges,
        settings.provided.application.data_dir,
        memory_limit=providers.Object(memory_limit_bytes),
        registry=metrics,
    )
    store_gauges = providers.Singleton(StoreGauges, clock=clock, registry=metrics)
    store_metrics = providers.Singleton(StoreMetrics, metrics)
    breaker_metrics = providers.Singleton(BreakerMetrics, metrics)
    upload_limits = providers.Singleton(adapter_settings.upload_limits, settings)
    source_limits = providers.Singleton(source_limits, settings)
    live_limits = providers.Singleton(adapter_settings.live_limits, settings)
    trusted_proxies = settings.provided.security.trusted_proxies

    embedded_postgres = providers.Singleton(EmbeddedPostgres, settings.provided.application.data_dir)
    database_url = providers.Selector(
        storage,
        embedded=embedded_postgres.provided.url,
        external=providers.Callable(adapter_settings.external_url, settings),
    )
    pool = providers.Singleton(adapter_settings.pool, settings)
    engine = providers.Singleton(create_engine, database_url, pool)
    engine_gauges = providers.Singleton(ConnectionGauges, providers.Singleton(EnginePool, engine), registry=metrics)
    connection_gauges = providers.Selector(
        storage, embedded=engine_gauges, external=engine_gauges, memory=providers.Object(None)
    )
    hnsw = providers.Singleton(adapter_settings.hnsw_parameters, settings)
    session_cache = providers.Singleton(SessionCache, settings.provided.search.search_cache_bytes)
    postgres_unit_of_work = providers.Singleton(
        PostgresUnitOfWorkFactory,
        engine,
        entries=providers.Singleton(QueueEntries),
        codec=providers.Singleton(adapter_settings.codec, settings),
        limits=providers.Singleton(adapter_settings.search_limits, settings),
        cache=session_cache,
        hnsw=hnsw,
    )
    database_breaker = providers.Singleton(
        CircuitBreaker,
        DATABASE,
        probe=providers.Singleton(DatabaseReadiness, engine, timeout_s=PING_TIMEOUT_S),
        clock=clock,
        metrics=breaker_metrics,
        limits=providers.Singleton(BreakerLimits, slow_s=settings.provided.database.db_timeout_s),
    )
    guarded_unit_of_work = providers.Singleton(GuardedUnitOfWorkFactory, postgres_unit_of_work, database_breaker)
    guarded_database = providers.Singleton(GuardedReadiness, database_breaker)
    memory_store = providers.Singleton(InMemoryStore)
    bare_unit_of_work = providers.Selector(
        storage,
        embedded=guarded_unit_of_work,
        external=guarded_unit_of_work,
        memory=providers.Singleton(InMemoryUnitOfWorkFactory, memory_store),
    )
    unit_of_work = providers.Singleton(
        traced,
        providers.Singleton(MeteredUnitOfWorkFactory, bare_unit_of_work, metrics=store_metrics, clock=clock),
        TracedUnitOfWorkFactory,
        traces,
    )
    database_readiness = providers.Selector(
        storage,
        embedded=guarded_database,
        external=guarded_database,
        memory=providers.Singleton(AlwaysReady),
    )
    database_circuit = providers.Selector(
        storage, embedded=database_breaker, external=database_breaker, memory=providers.Object(None)
    )

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
    bucket_source = providers.Singleton(bucket_source, settings, source_limits)
    photos_breaker = providers.Singleton(
        CircuitBreaker,
        PHOTOS,
        probe=providers.Singleton(PhotoStoreReadiness, bucket_source),
        clock=clock,
        metrics=breaker_metrics,
    )
    photos_readiness = providers.Singleton(GuardedReadiness, photos_breaker)
    bare_image_source = providers.Selector(
        photos,
        bucket=providers.Singleton(GuardedImageSource, bucket_source, photos_breaker),
        folder=folder_source,
        memory=providers.Singleton(MemoryImageSource, memory_photos, max_bytes=source_limits.provided.max_bytes),
    )
    image_source = providers.Singleton(traced, bare_image_source, TracedImageSource, traces)
    picture_memory = providers.Singleton(ByteBudget, settings.provided.uploads.max_held_bytes)
    picture_disk = providers.Singleton(ByteBudget, settings.provided.uploads.max_spooled_bytes)
    read_photo = providers.Singleton(
        ReadPhoto, source=image_source, budget=picture_memory, max_bytes=source_limits.provided.max_bytes
    )
