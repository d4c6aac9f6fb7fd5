"""Batches that are indexed in the background: how far they are, and what can be done about them."""

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.response import ServerSentEvent

from facepass.application.cancel_job import CancelJob
from facepass.application.get_job import GetJob
from facepass.application.list_jobs import MAX_LISTED, ListJobs
from facepass.application.retry_job import RetryJob
from facepass.domain.gallery import SessionId
from facepass.domain.job import MAX_PHOTOS, JobId
from facepass.entrypoints.http import access, convert
from facepass.entrypoints.http.answers import HttpRequest, answer, revalidated
from facepass.entrypoints.http.job_events import JobEvents
from facepass.entrypoints.http.parameters import path_text
from facepass.entrypoints.http.query import own_query, read_query, whole_number

UNBUFFERED = {"X-Accel-Buffering": "no"}
"""nginx would hold events back otherwise."""


@get("/jobs", opt={"access": access.LOOK_UP}, before_request=own_query)
async def jobs(request: HttpRequest, list_jobs: NamedDependency[SkipValidation[ListJobs]]) -> Response[bytes]:
    """Jobs, newest first."""
    query = read_query(request, {"session_id", "cursor", "limit"})
    session = SessionId.parse(query["session_id"], "session_id") if "session_id" in query else None
    before = JobId.parse(query["cursor"], "cursor") if "cursor" in query else None
    limit = whole_number(query, "limit", MAX_LISTED, least=1, most=MAX_LISTED)
    return answer(request, convert.jobs(await list_jobs(session, before=before, limit=limit)))


@get("/jobs/{job_id:str}", opt={"access": access.LOOK_UP}, before_request=own_query)
async def job(request: HttpRequest, get_job: NamedDependency[SkipValidation[GetJob]]) -> Response[bytes]:
    """One job and its failures."""
    query = read_query(request, {"errors_after"})
    after = whole_number(query, "errors_after", -1, least=0, most=MAX_PHOTOS)
    return revalidated(request, convert.job(await get_job(_job_id(request), failures_after=after)))


@delete("/jobs/{job_id:str}", status_code=200, opt={"access": access.LOOK_UP})
async def cancel(request: HttpRequest, cancel_job: NamedDependency[SkipValidation[CancelJob]]) -> Response[bytes]:
    """Stop a job."""
    return answer(request, convert.job_progress(await cancel_job(_job_id(request))))


@post("/jobs/{job_id:str}/retry", status_code=200, opt={"access": access.INDEX})
async def retry(request: HttpRequest, retry_job: NamedDependency[SkipValidation[RetryJob]]) -> Response[bytes]:
    """Try again what was given up."""
    return answer(request, convert.job_progress(await retry_job(_job_id(request))))


@get("/jobs/{job_id:str}/events", opt={"access": access.LOOK_UP})
async def events(request: HttpRequest, job_events: NamedDependency[SkipValidation[JobEvents]]) -> ServerSentEvent:
    """A job's progress, as it goes."""
    return ServerSentEvent(await job_events.of(_job_id(request)), headers=UNBUFFERED)


def _job_id(request: HttpRequest) -> JobId:
    return JobId.parse(path_text(request, "job_id"), "job_id")
