"""The wiring: which adapter stands behind which port. The one place, with `lifespan`, that knows adapters.

Each module adds a layer of providers to the one before: stores, recognition, access, and here the use cases. Four
choices are made: `storage` (embedded or external PostgreSQL), `photos` (a bucket or a folder) and `rates` (who counts
for rate limits) by the settings, and `vision` (ONNX models). `in_memory` turns all of them to the in-memory adapters,
and then every use case runs without a file, a thread or a socket.
"""

from dependency_injector import providers

from facepass.adapters.memory.job_queue import InMemoryJobQueue
from facepass.adapters.pgqueuer.queue import PgQueuerQueue
from facepass.adapters.telemetry.job_units import LoggedUnits
from facepass.adapters.telemetry.registry import whole
from facepass.application.cancel_job import CancelJob
from facepass.application.check_audit import CheckAudit
from facepass.application.check_health import CheckHealth
from facepass.application.check_upkeep import CheckUpkeep
from facepass.application.compare_faces import CompareFaces
from facepass.application.count_store import CountStore
from facepass.application.delete_gallery import DeleteGallery
from facepass.application.delete_photo import DeletePhoto
from facepass.application.detect_faces import DetectFaces
from facepass.application.expire_galleries import ExpireGalleries
from facepass.application.forget_jobs import ForgetJobs
from facepass.application.forget_person import ForgetPerson
from facepass.application.gallery_status import GetGalleryStatus
from facepass.application.get_job import GetJob
from facepass.application.get_photo import GetPhoto
from facepass.application.index_batch import IndexBatch
from facepass.application.index_photo import IndexPhoto
from facepass.application.index_status import GetIndexStatus
from facepass.application.list_jobs import ListJobs
from facepass.application.look_after import LookAfter
from facepass.application.queue_strayed import QueueStrayed
from facepass.application.read_audit import ReadAudit
from facepass.application.retry_job import RetryJob
from facepass.application.run_unit import RunUnit
from facepass.application.search_gallery import SearchGallery
from facepass.application.submit_job import SubmitJob
from facepass.entrypoints import adapter_settings
from facepass.entrypoints.container.access import Access
from facepass.entrypoints.container.outages import (
    database_dependency,
    outside_dependencies,
    photos_dependency,
    redis_dependency,
)
from facepass.entrypoints.container.recognition import Recognition
from facepass.entrypoints.container.stores import Stores
from facepass.entrypoints.container.tracing import job_units, live_frames
from facepass.entrypoints.job_parts import connector, jittered_sleep
from facepass.entrypoints.serving import Serving
from facepass.entrypoints.settings import Settings


class Container(Access):
    """Synchronous providers only: `lifespan.running` opens and closes what is asynchronous."""

    index_photo = providers.Singleton(
        IndexPhoto,
        analyser=Recognition.analyser,
        models=Recognition.models,
        unit_of_work=Stores.unit_of_work,
        gate=Recognition.gate,
        clock=Stores.clock,
    )
    index_batch = providers.Singleton(
        IndexBatch,
        index_photo=index_photo,
        read_photo=Stores.read_photo,
        limits=Stores.source_limits,
        max_photos=Stores.settings.provided.photos.batch_sync_max,
        concurrency=Recognition.pictures_at_work,
    )
    search_gallery = providers.Singleton(
        SearchGallery,
        analyser=Recognition.analyser,
        models=Recognition.models,
        unit_of_work=Stores.unit_of_work,
        gate=Recognition.selfie_gate,
        clock=Stores.clock,
    )
    gallery_status = providers.Singleton(GetGalleryStatus, unit_of_work=Stores.unit_of_work)
    get_photo = providers.Singleton(GetPhoto, unit_of_work=Stores.unit_of_work)
    index_status = providers.Singleton(
        GetIndexStatus,
        models=Recognition.models,
        unit_of_work=Stores.unit_of_work,
        index=Stores.vector_index,
        exact_max_faces=Stores.settings.provided.search.exact_search_max_faces,
    )
    delete_gallery = providers.Singleton(DeleteGallery, unit_of_work=Stores.unit_of_work, clock=Stores.clock)
    delete_photo = providers.Singleton(DeletePhoto, unit_of_work=Stores.unit_of_work, clock=Stores.clock)
    forget_person = providers.Singleton(
        ForgetPerson,
        analyser=Recognition.analyser,
        models=Recognition.models,
        unit_of_work=Stores.unit_of_work,
        gate=Recognition.selfie_gate,
        clock=Stores.clock,
    )
    expire_galleries = providers.Singleton(
        ExpireGalleries,
        unit_of_work=Stores.unit_of_work,
        clock=Stores.clock,
        ttl_days=Stores.settings.provided.retention.session_ttl_days,
        erased_kept_days=Stores.settings.provided.retention.backup_retention_days,
    )
    forget_jobs = providers.Singleton(
        ForgetJobs,
        unit_of_work=Stores.unit_of_work,
        clock=Stores.clock,
        kept_days=Stores.settings.provided.retention.backup_retention_days,
    )
    look_after = providers.Singleton(
        LookAfter,
        expire=expire_galleries,
        forget_credentials=Access.forget_credentials,
        forget_jobs=forget_jobs,
        index=Stores.vector_index,
    )
    submit_job = providers.Singleton(
        SubmitJob, unit_of_work=Stores.unit_of_work, clock=Stores.clock, random_bytes=Access.random_bytes
    )
    get_job = providers.Singleton(GetJob, unit_of_work=Stores.unit_of_work)
    list_jobs = providers.Singleton(ListJobs, unit_of_work=Stores.unit_of_work)
    cancel_job = providers.Singleton(CancelJob, unit_of_work=Stores.unit_of_work, clock=Stores.clock)
    retry_job = providers.Singleton(RetryJob, unit_of_work=Stores.unit_of_work, clock=Stores.clock)
    queue_strayed = providers.Singleton(QueueStrayed, unit_of_work=Stores.unit_of_work)
    run_unit = providers.Singleton(
        RunUnit,
        index_photo=index_photo,
        read_photo=Stores.read_photo,
        limits=Stores.source_limits,
        unit_of_work=Stores.unit_of_work,
        clock=Stores.clock,
        pause=providers.Object(jittered_sleep),
    )
    job_units = providers.Singleton(
        job_units, providers.Singleton(LoggedUnits, run_unit, clock=Stores.clock), Stores.traces
    )
    postgres_queue = providers.Singleton(
        PgQueuerQueue,
        providers.Callable(connector, Stores.database_url, Stores.pool),
        sweep=queue_strayed,
        grace_s=providers.Callable(adapter_settings.job_grace_s, Stores.settings),
    )
    job_queue = providers.Selector(
        Stores.storage,
        embedded=postgres_queue,
        external=postgres_queue,
        memory=providers.Singleton(InMemoryJobQueue, Stores.memory_store),
    )
    check_upkeep = providers.Singleton(CheckUpkeep, unit_of_work=Stores.unit_of_work)
    count_store = providers.Singleton(CountStore, unit_of_work=Stores.unit_of_work)
    check_audit = providers.Singleton(CheckAudit, unit_of_work=Stores.unit_of_work)
    read_audit = providers.Singleton(ReadAudit, unit_of_work=Stores.unit_of_work)
    detect_faces = providers.Singleton(DetectFaces, analyser=Recognition.analyser, clock=Stores.clock)
    live_frames = providers.Singleton(live_frames, detect_faces, Stores.traces)
    compare_faces = providers.Singleton(
        CompareFaces, analyser=Recognition.analyser, model=Recognition.model, gate=Recognition.selfie_gate
    )
    outside = providers.Singleton(
        outside_dependencies,
        database=providers.Factory(database_dependency, Stores.database_readiness, Stores.database_circuit),
        photos=providers.Selector(
            Stores.photos,
            bucket=providers.Factory(photos_dependency, Stores.photos_readiness, Stores.photos_breaker),
            folder=providers.Object(None),
            memory=providers.Object(None),
        ),
        redis=providers.Selector(
            Stores.rates,
            redis=providers.Factory(redis_dependency, Access.redis_readiness, Access.redis_breaker),
            memory=providers.Object(None),
        ),
    )
    serving = providers.Singleton(Serving)
    check_health = providers.Singleton(CheckHealth, outside, clock=Stores.clock)
    whole_registry = providers.Singleton(
        whole,
        Stores.metrics,
        providers.List(
            Stores.machine_gauges,
            Stores.store_gauges,
            Stores.store_metrics,
            Stores.connection_gauges,
            Stores.vector_index,
            Stores.dropped_spans,
            Recognition.vision_metrics,
            Recognition.batch_sizes,
            Recognition.detector,
            Recognition.models,
            Recognition.admission,
            Access.rate_limiter,
            Access.request_metrics,
            Access.live_metrics,
            outside,
        ),
    )


def build_container(settings: Settings) -> Container:
    """The service as configured. Opens nothing yet."""
    return Container(settings=settings)


def in_memory(settings: Settings) -> Container:
    """The same service on in-memory adapters, for tests and trials: see `facepass.adapters.memory`."""
    container = Container(settings=settings)
    container.storage.override(providers.Object("memory"))
    container.photos.override(providers.Object("memory"))
    container.rates.override(providers.Object("memory"))
    container.vision.override(providers.Object("memory"))
    return container
