"""Batches in the background."""

from facepass.application.list_jobs import MAX_LISTED
from facepass.domain.job import MAX_PHOTOS, JobKind, JobState
from facepass.entrypoints.http import access, documented, schemas
from facepass.entrypoints.http.operations.operation import STORE, Operation

JOB = "019a3c5fe1d04f6b8c2d7e9a0b1c3d5f"
_COUNTS = (JOB, JobKind.INDEX, documented.SESSION, JobState.RUNNING, 5000, 1812, 1, 0, 94, 7310)
_MOMENTS = (documented.MOMENT, documented.MOMENT, None)
PROGRESS = schemas.JobProgress(*_COUNTS, *_MOMENTS)
_JOB_IN_PATH = {
    "name": "job_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
    "example": JOB,
}
_ERRORS = ("invalid_request", "not_found", *STORE, "internal")


def _query(name: str, description: str, schema: dict[str, object]) -> dict[str, object]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def jobs() -> tuple[Operation, ...]:
    """In the order of the document."""
    return (_list(), _one(), _cancel(), _retry(), _events())


def _list() -> Operation:
    return Operation(
        method="get",
        path="/jobs",
        name="list_jobs",
        tag="Jobs",
        summary="Jobs, newest first",
        description="Jobs are forgotten `BACKUP_RETENTION_DAYS` after they ended.",
        answer=schemas.Jobs,
        example=schemas.Jobs([PROGRESS], None),
        errors=("invalid_request", *STORE, "internal"),
        access=access.LOOK_UP,
        parameters=(
            _query("session_id", "Only jobs of this session.", documented.ID),
            _query("cursor", "`next_cursor` of the page before.", {"type": "string", "pattern": "^[0-9a-f]{32}$"}),
            _query(
                "limit",
                "Most jobs of a page.",
                {"type": "integer", "minimum": 1, "maximum": MAX_LISTED, "default": MAX_LISTED},
            ),
        ),
    )


def _one() -> Operation:
    failure = schemas.PhotoFailure("DSC_0108", "not_found", "No photo is stored under 'DSC_0108.jpg'.")
    return Operation(
        method="get",
        path="/jobs/{job_id}",
        name="get_job",
        tag="Jobs",
        summary="How far a job is",
        description="A job is `finished` when every photo is done or was given up; those that were given up are listed "
        "under `errors`. What is not a photo's fault, such as a photo store out of reach, is waited for.",
        answer=schemas.Job,
        example=schemas.Job(*_COUNTS, *_MOMENTS, [failure], None),
        errors=_ERRORS,
        access=access.LOOK_UP,
        parameters=(
            _JOB_IN_PATH,
            _query(
                "errors_after",
                "`more_errors_after` of the answer before.",
                {"type": "integer", "minimum": 0, "maximum": MAX_PHOTOS},
            ),
        ),
        revalidates=True,
    )


def _cancel() -> Operation:
    return Operation(
        method="delete",
        path="/jobs/{job_id}",
        name="cancel_job",
        tag="Jobs",
        summary="Stop a job",
        description="What is done stays done, what is not done yet is not done any more, and a photo that is being "
        "indexed at this moment is not stored. Stopping a job that has ended changes nothing and is no error.",
        answer=schemas.JobProgress,
        example=PROGRESS,
        errors=_ERRORS,
        access=access.LOOK_UP,
        parameters=(_JOB_IN_PATH,),
    )


def _retry() -> Operation:
    return Operation(
        method="post",
        path="/jobs/{job_id}/retry",
        name="retry_job",
        tag="Jobs",
        summary="Try again what was given up",
        description="Queues the photos listed under `errors` again. Where there are none, nothing changes.",
        answer=schemas.JobProgress,
        example=PROGRESS,
        errors=_ERRORS,
        access=access.INDEX,
        parameters=(_JOB_IN_PATH,),
    )


def _events() -> Operation:
    return Operation(
        method="get",
        path="/jobs/{job_id}/events",
        name="job_events",
        tag="Jobs",
        summary="A job's progress as it goes",
        description="Server-sent events: `progress` whenever something has changed, at most once a second, and `end` "
        "as the last one; the data of each is what `GET /jobs/{job_id}` answers, without `errors`.",
        answer=None,
        example="event: progress\ndata: {…}\n\n",
        errors=(*_ERRORS, "overloaded"),
        access=access.LOOK_UP,
        parameters=(_JOB_IN_PATH,),
        media_type="text/event-stream",
    )
