"""FacePass through its HTTP API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from urllib.parse import quote, urlencode

import httpx

from facepass.domain.errors import NotFound
from facepass.entrypoints.client.http_calls import HttpCalls, RemoteLimits, api_base
from facepass.entrypoints.client.service import SearchOptions, WholeService
from facepass.entrypoints.http import schemas

PHOTO = "photo"
"""File name of every upload: the real one is nobody's business, and may hold what a header must not."""


class RemoteService(WholeService):
    """Asks a running service. Made by `connected`."""

    def __init__(self, calls: HttpCalls, *, name: str) -> None:
        self._calls = calls
        self._name = name

    @property
    def name(self) -> str:
        """See `Service.name`."""
        return self._name

    async def index(self, session_id: str, photo_id: str, data: bytes) -> schemas.IndexedPhoto:
        """See `Service.index`."""
        form = {"session_id": session_id, "photo_id": photo_id}
        return await self._calls.call(
            schemas.IndexedPhoto, "POST", "/index", form=form, files=[("file", (PHOTO, data))]
        )

    async def has_photo(self, session_id: str, photo_id: str) -> bool:
        """See `Service.has_photo`."""
        try:
            await self._calls.call(dict, "GET", _photo_path(session_id, photo_id))
        except NotFound:
            return False
        return True

    async def search(self, session_id: str, selfies: Sequence[bytes], options: SearchOptions) -> schemas.SearchResult:
        """See `Service.search`."""
        form = {"session_id": session_id, "limit": str(options.limit), "on_multiple": options.on_multiple}
        if options.threshold is not None:
            form["threshold"] = repr(options.threshold)
        files = [("file", (PHOTO, selfie)) for selfie in selfies]
        return await self._calls.call(schemas.SearchResult, "POST", "/search", form=form, files=files)

    async def status(self, session_id: str) -> schemas.SessionStatus:
        """See `Service.status`."""
        return await self._calls.call(schemas.SessionStatus, "GET", f"/search/status/{_segment(session_id)}")

    async def delete(self, session_id: str) -> schemas.Erasure:
        """See `Service.delete`."""
        return await self._calls.call(schemas.Erasure, "DELETE", f"/index/{_segment(session_id)}")

    async def delete_photo(self, session_id: str, photo_id: str) -> schemas.Erasure:
        """See `Service.delete_photo`."""
        return await self._calls.call(schemas.Erasure, "DELETE", _photo_path(session_id, photo_id))

    async def forget(self, session_id: str, selfie: bytes, *, threshold: float | None) -> schemas.Forgotten:
        """See `Service.forget`."""
        return await self._calls.call(
            schemas.Forgotten,
            "POST",
            f"/index/{_segment(session_id)}/forget",
            form={} if threshold is None else {"threshold": repr(threshold)},
            files=[("file", (PHOTO, selfie))],
        )

    async def detect(self, image: bytes) -> schemas.DetectedFaces:
        """See `Service.detect`."""
        return await self._calls.call(schemas.DetectedFaces, "POST", "/detect", files=[("file", (PHOTO, image))])

    async def compare(self, first: bytes, second: bytes, *, threshold: float | None) -> schemas.Comparison:
        """See `Service.compare`."""
        return await self._calls.call(
            schemas.Comparison,
            "POST",
            "/compare",
            form={} if threshold is None else {"threshold": repr(threshold)},
            files=[("file_a", (PHOTO, first)), ("file_b", (PHOTO, second))],
        )

    async def submit(self, session_id: str, photos: Sequence[tuple[str, str]]) -> schemas.AcceptedJob:
        """See `JobService.submit`."""
        listed = [{"photo_id": photo_id, "s3_key": key} for photo_id, key in photos]
        return await self._calls.call(
            schemas.AcceptedJob,
            "POST",
            "/index/batch",
            json={"session_id": session_id, "photos": listed},
            headers={"Prefer": "respond-async"},
        )

    async def jobs(self, session_id: str | None, cursor: str | None) -> schemas.Jobs:
        """See `JobService.jobs`."""
        query = {"session_id": session_id, "cursor": cursor}
        given = {name: value for name, value in query.items() if value is not None}
        return await self._calls.call(schemas.Jobs, "GET", f"/jobs?{urlencode(given)}" if given else "/jobs")

    async def job(self, job_id: str, *, errors_after: int | None = None) -> schemas.Job:
        """See `JobService.job`."""
        query = "" if errors_after is None else f"?errors_after={errors_after}"
        return await self._calls.call(schemas.Job, "GET", f"/jobs/{_segment(job_id)}{query}")

    async def cancel_job(self, job_id: str) -> schemas.JobProgress:
        """See `JobService.cancel_job`."""
        return await self._calls.call(schemas.JobProgress, "DELETE", f"/jobs/{_segment(job_id)}")

    async def retry_job(self, job_id: str) -> schemas.JobProgress:
        """See `JobService.retry_job`."""
        return await self._calls.call(schemas.JobProgress, "POST", f"/jobs/{_segment(job_id)}/retry")

    def working(self) -> AbstractAsyncContextManager[None]:
        """See `JobService.working`: the service has its own workers."""
        return nullcontext()


@asynccontextmanager
async def connected(
    url: str,
    *,
    api_key: str | None,
    limits: RemoteLimits | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[RemoteService]:
    """A service at an address; nothing is sent before the first call.

    Args:
        url: of the service, with or without `/api/v1`.
        api_key: sent as `X-API-Key`.
        limits: what a call may cost.
        transport: how to reach the service, where not over the network.

    Raises:
        ConfigurationError: not an http or https address.
    """
    base = api_base(url)
    calls = HttpCalls(base, api_key=api_key, limits=limits or RemoteLimits(), transport=transport)
    try:
        yield RemoteService(calls, name=base)
    finally:
        await calls.close()


def _photo_path(session_id: str, photo_id: str) -> str:
    return f"/index/{_segment(session_id)}/photos/{_segment(photo_id)}"


def _segment(value: str) -> str:
    """Any id as one segment of a path; `.` and `..`, which would mean folders, included."""
    quoted = quote(value, safe="", errors="surrogatepass")
    return quoted.replace(".", "%2E") if value in {".", ".."} else quoted
