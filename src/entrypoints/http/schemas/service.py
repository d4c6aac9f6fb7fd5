"""What the service accepts, what it searches with, and how it is."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from facepass.entrypoints.http.schemas.values import Count, Fraction


class ImageFormat(Struct, frozen=True):
    """An accepted image format."""

    name: str
    mime: str
    extensions: list[str]


class SupportedFormats(Struct, frozen=True):
    """What an upload may be."""

    formats: list[ImageFormat]
    max_bytes: Count
    max_width: Count
    max_height: Count


class SearchIndex(Struct, frozen=True):
    """The index that approximate searches use, which only very large sessions need."""

    kind: str
    parameters: dict[str, int]
    valid: Annotated[bool, Meta(description="Whether every session that is large enough for it has it, whole.")]
    size_bytes: Count
    sessions: Annotated[int, Meta(ge=0, description="Searched by it.")]
    missing: Annotated[int, Meta(ge=0, description="Sessions that should have it and have not: searched exactly.")]
    recall: Annotated[
        Fraction | None, Meta(description="Share of what an exact search finds, when last measured; null before.")
    ]


class Planner(Struct, frozen=True):
    """How a search is chosen."""

    exact_limit: Annotated[int, Meta(ge=0, description="Sessions of up to so many faces are searched exactly.")]


class IndexStatus(Struct, frozen=True):
    """What is stored, and what it is searched with. `model` and `dimension` are those of new sessions."""

    model: str
    dimension: Count
    embeddings: Count
    photos: Count
    sessions: Count
    size_bytes: Annotated[Count | None, Meta(description="Of tables and indexes on disk; null where there is none.")]
    index: SearchIndex
    planner: Planner


class Health(Struct, frozen=True):
    """The service at one moment."""

    status: Annotated[
        Literal["healthy", "degraded", "unhealthy", "stopping"],
        Meta(description="`stopping`: it was told to, and answers what still comes; send further requests elsewhere."),
    ]
    database: Literal["connected", "unreachable"]
    face_recognition_model: Literal["loaded"]
    version: str
    uptime_seconds: Annotated[float, Meta(ge=0)]


class DependencyHealth(Struct, frozen=True):
    """Whether something that the service depends on answers, how fast, and what becomes of calls while it does not."""

    status: Literal["connected", "unreachable"]
    latency_ms: Annotated[float, Meta(ge=0, description="Until it answered, or was given up.")]
    essential: Annotated[bool, Meta(description="Whether the service is unhealthy without it, or only degraded.")]
    breaker: Annotated[
        Literal["closed", "half_open", "open"] | None,
        Meta(
            description="`closed`: calls go through; `open`: they are refused at once, or go on without it; "
            "`half_open`: the next one looks whether it is back. null where it cannot be away."
        ),
    ]
    policy: Annotated[
        Literal["closed", "open"],
        Meta(description="Of calls that need it while it is away: `closed`, they are refused; `open`, they go on."),
    ]
    without_it: Annotated[str, Meta(description="What callers see while it is away.")]


class DetailedHealth(Struct, frozen=True):
    """The service and each of its dependencies at one moment."""

    status: Literal["healthy", "degraded", "unhealthy"]
    version: str
    uptime_seconds: Annotated[float, Meta(ge=0)]
    dependencies: dict[str, DependencyHealth]


class Liveness(Struct, frozen=True):
    """The process answers; says nothing about what it depends on."""

    status: Literal["healthy"]
