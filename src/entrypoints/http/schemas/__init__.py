"""The shapes of all answers.

Field names and types are the contract that clients program against. Coordinates are pixels of the upright image.
"""

from facepass.entrypoints.http.schemas.access import (
    CreatedKey,
    IssuedToken,
    ManagedKey,
    ManagedKeys,
)
from facepass.entrypoints.http.schemas.erasure import (
    Erasure,
    Forgotten,
)
from facepass.entrypoints.http.schemas.faces import (
    Box,
    Comparison,
    DetectedFaces,
    Face,
    ImageSize,
    Landmarks,
    Point,
    Quality,
)
from facepass.entrypoints.http.schemas.jobs import (
    AcceptedJob,
    Job,
    JobProgress,
    Jobs,
)
from facepass.entrypoints.http.schemas.problems import (
    InvalidField,
    Problem,
)
from facepass.entrypoints.http.schemas.search import (
    Match,
    QueryFace,
    Reason,
    SearchResult,
    SearchTimings,
)
from facepass.entrypoints.http.schemas.service import (
    DependencyHealth,
    DetailedHealth,
    Health,
    ImageFormat,
    IndexStatus,
    Liveness,
    Planner,
    SearchIndex,
    SupportedFormats,
)
from facepass.entrypoints.http.schemas.sessions import (
    IndexedBatch,
    IndexedFace,
    IndexedPhoto,
    PhotoFailure,
    SessionStatus,
    StoredFace,
    StoredPhoto,
)

__all__ = [
    "AcceptedJob",
    "Box",
    "Comparison",
    "CreatedKey",
    "DependencyHealth",
    "DetailedHealth",
    "DetectedFaces",
    "Erasure",
    "Face",
    "Forgotten",
    "Health",
    "ImageFormat",
    "ImageSize",
    "IndexStatus",
    "IndexedBatch",
    "IndexedFace",
    "IndexedPhoto",
    "InvalidField",
    "IssuedToken",
    "Job",
    "JobProgress",
    "Jobs",
    "Landmarks",
    "Liveness",
    "ManagedKey",
    "ManagedKeys",
    "Match",
    "PhotoFailure",
    "Planner",
    "Point",
    "Problem",
    "Quality",
    "QueryFace",
    "Reason",
    "SearchIndex",
    "SearchResult",
    "SearchTimings",
    "SessionStatus",
    "StoredFace",
    "StoredPhoto",
    "SupportedFormats",
]
