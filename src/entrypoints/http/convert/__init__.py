"""From results of use cases to the shapes of answers: one module a subject, as the shapes have."""

from facepass.entrypoints.http.convert.access import created_key, issued_token, managed_key, managed_keys
from facepass.entrypoints.http.convert.erasure import erasure, forgotten
from facepass.entrypoints.http.convert.faces import comparison, detected_faces
from facepass.entrypoints.http.convert.jobs import accepted_job, job, job_progress, jobs
from facepass.entrypoints.http.convert.search import search_result
from facepass.entrypoints.http.convert.sessions import (
    index_status,
    indexed_batch,
    indexed_photo,
    session_status,
    stored_photo,
)

__all__ = [
    "accepted_job",
    "comparison",
    "created_key",
    "detected_faces",
    "erasure",
    "forgotten",
    "index_status",
    "indexed_batch",
    "indexed_photo",
    "issued_token",
    "job",
    "job_progress",
    "jobs",
    "managed_key",
    "managed_keys",
    "search_result",
    "session_status",
    "stored_photo",
]
