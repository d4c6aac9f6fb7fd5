"""Settings in the words of the adapters that take them."""

from urllib.parse import quote

from facepass.adapters.pgvector.engine import PoolSettings
from facepass.adapters.pgvector.sealing.keys import Keyring
from facepass.adapters.pgvector.search.approximate import HnswParameters
from facepass.adapters.pgvector.search.planner import SearchLimits
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.application.ports import ImageLimits
from facepass.application.quality_gate import QualityGate
from facepass.domain.rate import RateLimit
from facepass.entrypoints.http.access import Counted
from facepass.entrypoints.http.ws.limits import LiveLimits
from facepass.entrypoints.settings import Recognition, Settings

RATE_WINDOW_S = 60.0
HAND_BACK_S = 4.0
"""For units that are not finished in time to be put back, and connections to be closed."""
RUNNING_PER_THREAD = 2
"""Pictures at work for each inference thread: one is embedded while the next is decoded."""


def storage(settings: Settings) -> str:
    """Whose PostgreSQL holds the galleries: `embedded` or `external`."""
    return "embedded" if settings.database.is_embedded else "external"


def photo_store(settings: Settings) -> str:
    """Where photos named by key are: in a `bucket` or in a `folder`."""
    return "folder" if settings.object_store.s3_bucket is None else "bucket"


def external_url(settings: Settings) -> str:
    """Address of an external database, password included."""
    database = settings.database
    if database.database_url is not None:
        return database.database_url.reveal()
    user, password, name = (
        quote(part, safe="")
        for part in (database.postgres_user, database.postgres_password.reveal(), database.postgres_db)
    )
    return f"postgresql://{user}:{password}@{database.postgres_host}:{database.postgres_port}/{name}"


def rates(settings: Settings) -> str:
    """Where rate limits are counted: `redis` or `memory`."""
    return "redis" if settings.redis.is_configured else "memory"


def redis_url(settings: Settings) -> str:
    """Address of a configured Redis, password included."""
    redis = settings.redis
    if redis.redis_url is not None:
        return redis.redis_url.reveal()
    host = redis.redis_host or ""
    password = quote(redis.redis_password.reveal(), safe="")
    return f"redis://:{password}@{f'[{host}]' if ':' in host else host}:{redis.redis_port}/{redis.redis_db}"


def per_minute(most: int) -> RateLimit | None:
    """A limit as settings name it; None for none."""
    return RateLimit(most, RATE_WINDOW_S) if most else None


def pool(settings: Settings) -> PoolSettings:
    """Bounds of this process's connections."""
    database = settings.database
    return PoolSettings(
        pool_min=min(database.db_pool_min, database.db_pool_max),
        pool_max=database.db_pool_max,
        timeout_s=database.db_timeout_s,
        # The embedded server's address says so itself: the connection never leaves the machine.
        sslmode=None if database.is_embedded or database.database_url is not None else database.db_sslmode,
    )


def upload_limits(settings: Settings) -> ImageLimits:
    """What an uploaded picture may cost."""
    uploads = settings.uploads
    return ImageLimits(
        max_bytes=uploads.max_upload_bytes, max_side=uploads.max_image_side, max_pixels=uploads.max_image_side**2
    )


def live_limits(settings: Settings) -> LiveLimits:
    """What live detection may cost."""
    return LiveLimits(
        max_connections=settings.live.live_max_connections,
        max_frame_bytes=settings.uploads.max_upload_bytes,
        max_frames_per_s=settings.live.live_max_frames_per_s,
    )


def pictures_at_work(settings: Settings) -> int:
    """How many pictures are looked at at once."""
    return RUNNING_PER_THREAD * settings.recognition.ml_threads


def selfie_gate(recognition: Recognition, gate: QualityGate) -> QualityGate:
    """Never more lenient than the gate of indexing: who cannot be indexed cannot be searched for either."""
    return QualityGate(recognition.min_selfie_size, recognition.min_selfie_quality).at_least(gate)


def job_grace_s(settings: Settings) -> float:
    """How long photos of jobs in hand are waited for at the end, so that the rest can be handed back in time."""
    return max(0.0, settings.server.shutdown_grace_s - HAND_BACK_S)


def keyring(settings: Settings) -> Keyring | None:
    """The keys of ENCRYPTION_KEY; None without any.

    Raises:
        ConfigurationError: one is malformed.
    """
    keys = [key.reveal() for key in settings.security.encryption_key]
    return Keyring(keys) if keys else None


def codec(settings: Settings) -> TemplateCodec:
    """How templates are stored: encrypted where there is a key.

    Raises:
        ConfigurationError: a key is malformed.
    """
    return TemplateCodec(keyring(settings))


def search_limits(settings: Settings) -> SearchLimits:
    """Which sessions are searched how."""
    search = settings.search
    return SearchLimits(
        database_max_faces=search.database_search_max_faces, exact_max_faces=search.exact_search_max_faces
    )


def hnsw_parameters(settings: Settings) -> HnswParameters:
    """Of the index of very large sessions."""
    search = settings.search
    return HnswParameters(m=search.hnsw_m, ef_construction=search.hnsw_ef_construction, ef_search=search.hnsw_ef_search)


def rate_limits(settings: Settings) -> dict[Counted, RateLimit | None]:
    """How often a caller may do what; None for any number of times."""
    indexing = per_minute(settings.security.rate_limit_index)
    searching = per_minute(settings.security.rate_limit_search)
    return {
        Counted.INDEX: indexing,
        Counted.SEARCH: searching,
        Counted.STATUS: searching,
        Counted.DETECT: searching,
    }
