"""FacePass in this process, on its database: the same use cases as behind HTTP, without HTTP."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from urllib.parse import urlsplit

from facepass.application.ports import ImageLimits
from facepass.application.probe import OnMultiple
from facepass.domain.errors import InvalidRequest, NotFound, Overloaded
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.identification import Threshold
from facepass.domain.job import JobId, PhotoToIndex
from facepass.entrypoints.adapter_settings import pictures_at_work
from facepass.entrypoints.client.patience import patiently
from facepass.entrypoints.client.service import Needs, SearchOptions, WholeService
from facepass.entrypoints.container import Container, build_container
from facepass.entrypoints.http import convert, schemas
from facepass.entrypoints.jobs import worked_on
from facepass.entrypoints.lifespan import running, storage_running, vision_running
from facepass.entrypoints.settings import Settings

OVERLOAD_BUDGET_S = 60.0
"""How long a photo waits for a place in this process."""


class LocalService(WholeService):
    """Calls the use cases of a running container."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._settings: Settings = container.settings()
        self._limits: ImageLimits = container.source_limits()

    @property
    def name(self) -> str:
        """See `Service.name`."""
        return gallery_store(self._settings)

    async def index(self, session_id: str, photo_id: str, data: bytes) -> schemas.IndexedPhoto:
        """See `Service.index`."""
        session, photo = SessionId.parse(session_id, "session_id"), PhotoId.parse(photo_id, "photo_id")

        index_photo = self._container.index_photo()

        async def attempt() -> schemas.IndexedPhoto:
            return convert.indexed_photo(await index_photo(session, photo, data, self._limits))

        return await patiently(attempt, on=(Overloaded,), budget_s=OVERLOAD_BUDGET_S)

    async def has_photo(self, session_id: str, photo_id: str) -> bool:
        """See `Service.has_photo`."""
        session, photo = SessionId.parse(session_id, "session_id"), PhotoId.parse(photo_id, "photo_id")
        try:
            await self._container.get_photo()(session, photo)
        except NotFound:
            return False
        return True

    async def search(self, session_id: str, selfies: Sequence[bytes], options: SearchOptions) -> schemas.SearchResult:
        """See `Service.search`."""
        result = await self._container.search_gallery()(
            SessionId.parse(session_id, "session_id"),
            selfies,
            limits=self._limits,
            threshold=self._threshold(options.threshold),
            limit=options.limit,
            on_multiple=_on_multiple(options.on_multiple),
        )
        return convert.search_result(result)

    async def status(self, session_id: str) -> schemas.SessionStatus:
        """See `Service.status`."""
        return convert.session_status(await self._container.gallery_status()(SessionId.parse(session_id, "session_id")))

    async def delete(self, session_id: str) -> schemas.Erasure:
        """See `Service.delete`."""
        return convert.erasure(await self._container.delete_gallery()(SessionId.parse(session_id, "session_id")))

    async def delete_photo(self, session_id: str, photo_id: str) -> schemas.Erasure:
        """See `Service.delete_photo`."""
        session, photo = SessionId.parse(session_id, "session_id"), PhotoId.parse(photo_id, "photo_id")
        return convert.erasure(await self._container.delete_photo()(session, photo))

    async def forget(self, session_id: str, selfie: bytes, *, threshold: float | None) -> schemas.Forgotten:
        """See `Service.forget`."""
        session = SessionId.parse(session_id, "session_id")
        result = await self._container.forget_person()(
            session, selfie, limits=self._limits, threshold=self._threshold(threshold)
        )
        return convert.forgotten(result)

    async def detect(self, image: bytes) -> schemas.DetectedFaces:
        """See `Service.detect`."""
        return convert.detected_faces(await self._container.detect_faces()(image, self._limits))

    async def compare(self, first: bytes, second: bytes, *, threshold: float | None) -> schemas.Comparison:
        """See `Service.compare`."""
        result = await self._container.compare_faces()(
            first, second, limits=self._limits, threshold=self._threshold(threshold)
        )
        return convert.comparison(result)

    async def submit(self, session_id: str, photos: Sequence[tuple[str, str]]) -> schemas.AcceptedJob:
        """See `JobService.submit`."""
        session = SessionId.parse(session_id, "session_id")
        listed = [PhotoToIndex(PhotoId.parse(photo_id, "photo_id"), key) for photo_id, key in photos]
        return convert.accepted_job(await self._container.submit_job()(session, listed))

    async def jobs(self, session_id: str | None, cursor: str | None) -> schemas.Jobs:
        """See `JobService.jobs`."""
        session = None if session_id is None else SessionId.parse(session_id, "session_id")
        before = None if cursor is None else JobId.parse(cursor, "cursor")
        return convert.jobs(await self._container.list_jobs()(session, before=before))

    async def job(self, job_id: str, *, errors_after: int | None = None) -> schemas.Job:
        """See `JobService.job`."""
        after = -1 if errors_after is None else errors_after
        return convert.job(await self._container.get_job()(JobId.parse(job_id, "job_id"), failures_after=after))

    async def cancel_job(self, job_id: str) -> schemas.JobProgress:
        """See `JobService.cancel_job`."""
        return convert.job_progress(await self._container.cancel_job()(JobId.parse(job_id, "job_id")))

    async def retry_job(self, job_id: str) -> schemas.JobProgress:
        """See `JobService.retry_job`."""
        return convert.job_progress(await self._container.retry_job()(JobId.parse(job_id, "job_id")))

    def working(self) -> AbstractAsyncContextManager[None]:
        """See `JobService.working`."""
        return worked_on(self._container, concurrency=pictures_at_work(self._settings))

    def _threshold(self, asked: float | None) -> Threshold:
        return Threshold.parse(self._settings.recognition.face_similarity_threshold if asked is None else asked)


@asynccontextmanager
async def in_process(
    settings: Settings, *, needs: Needs, progress: Callable[[str], None]
) -> AsyncIterator[LocalService]:
    """FacePass in this process, for as long as the block lasts.

    Args:
        settings: in force.
        needs: what is started: database, models, or both.
        progress: told in a line what takes time.

    Raises:
        ConfigurationError: a setting, a model or the machine does not allow it.
        DependencyUnavailable: the database.
    """
    container = build_container(settings)
    match needs:
        case Needs.ALL:
            opened = running(container, progress=progress)
        case Needs.STORAGE:
            opened = storage_running(container)
        case Needs.VISION:
            opened = vision_running(container, progress=progress)
    async with opened:
        yield LocalService(container)


def gallery_store(settings: Settings) -> str:
    """Which database holds the galleries, without user or password."""
    database = settings.database
    if database.is_embedded:
        return f"embedded {settings.application.data_dir.resolve()}"
    if database.database_url is not None:
        url = urlsplit(database.database_url.reveal())
        return f"{url.hostname}:{url.port or 5432}/{url.path.lstrip('/')}"
    return f"{database.postgres_host}:{database.postgres_port}/{database.postgres_db}"


def _on_multiple(value: str) -> OnMultiple:
    try:
        return OnMultiple(value)
    except ValueError:
        raise InvalidRequest.field("on_multiple", f"must be one of {', '.join(OnMultiple)}") from None
