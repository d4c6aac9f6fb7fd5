"""Photos that are indexed in the background."""

from typing import Any

from facepass.application.get_job import JobReport
from facepass.application.list_jobs import JobPage
from facepass.domain.job import Job, JobProgress
from facepass.entrypoints.http import schemas

API_BASE = "/api/v1"
"""Of addresses in answers."""


def accepted_job(job: Job) -> schemas.AcceptedJob:
    """Answer of `POST /index/batch` that goes on in the background."""
    return schemas.AcceptedJob(job.job_id, f"{API_BASE}/jobs/{job.job_id}")


def job_progress(progress: JobProgress) -> schemas.JobProgress:
    """Answer of `DELETE /jobs/{job_id}`, and what every other answer about a job holds."""
    return schemas.JobProgress(**_progress(progress))


def job(report: JobReport) -> schemas.Job:
    """Answer of `GET /jobs/{job_id}`."""
    errors = [schemas.PhotoFailure(failed.photo.photo_id, failed.code, failed.detail) for failed in report.failures]
    return schemas.Job(**_progress(report.progress), errors=errors, more_errors_after=report.more_after)


def jobs(page: JobPage) -> schemas.Jobs:
    """Answer of `GET /jobs`."""
    return schemas.Jobs([job_progress(progress) for progress in page.jobs], page.next_before)


def _progress(progress: JobProgress) -> dict[str, Any]:
    return {
        "job_id": progress.job.job_id,
        "kind": progress.job.kind,
        "session_id": progress.job.session_id,
        "state": progress.state,
        "total": progress.total,
        "done": progress.done,
        "failed": progress.failed,
        "cancelled": progress.cancelled,
        "without_faces": progress.without_faces,
        "faces_indexed": progress.faces_indexed,
        "created_at": progress.job.created_at,
        "started_at": progress.started_at,
        "finished_at": progress.finished_at,
    }
