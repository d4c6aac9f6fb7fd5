"""Photos that are indexed in the background."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from facepass.domain.job import JobKind, JobState
from facepass.entrypoints.http.schemas.sessions import PhotoFailure
from facepass.entrypoints.http.schemas.values import Count, Id

JobName = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="Later jobs have greater ids.")]


class AcceptedJob(Struct, frozen=True):
    """A batch that is indexed in the background: `status_url` tells how far it is."""

    job_id: JobName
    status_url: str


class JobProgress(Struct, frozen=True):
    """How far a job is. `done` counts the photos without faces too."""

    job_id: JobName
    kind: JobKind
    session_id: Id
    state: JobState
    total: Count
    done: Count
    failed: Count
    cancelled: Count
    without_faces: Count
    faces_indexed: Count
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Job(JobProgress, frozen=True):
    """A job with its photos that were given up, some at a time."""

    errors: list[PhotoFailure]
    more_errors_after: Annotated[
        Count | None, Meta(description="What to ask for the next ones with, as `errors_after`; null at the end.")
    ]


class Jobs(Struct, frozen=True):
    """Jobs, newest first."""

    jobs: list[JobProgress]
    next_cursor: Annotated[JobName | None, Meta(description="Null at the end.")]
