"""What a search finds."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from facepass.domain.identification import SearchReason
from facepass.entrypoints.http.schemas.faces import Box, Quality
from facepass.entrypoints.http.schemas.values import Cosine, Count, Fraction, Id, Milliseconds


class Match(Struct, frozen=True):
    """A photo in which the visitor appears, with the face that shows them best."""

    photo_id: Id
    similarity: Fraction
    confidence: Fraction
    cosine: Cosine
    face_no: Count
    box: Annotated[Box | None, Meta(description="Null where an earlier system indexed the photo and kept no box.")]


class QueryFace(Struct, frozen=True):
    """A face that was searched with, in the pixels of its selfie."""

    box: Box
    quality: Quality


class Reason(Struct, frozen=True):
    """What a visitor should know about a result. `code` is stable: program against it; `detail` is for the visitor."""

    code: SearchReason
    detail: str


class SearchTimings(Struct, frozen=True):
    """Where a search spent its time."""

    decode: Milliseconds
    detect: Milliseconds
    embed: Milliseconds
    search: Milliseconds


class SearchResult(Struct, frozen=True):
    """The photos of one session that show the visitor: best first, each photo once."""

    session_id: Id
    matches: list[Match]
    total_matches: Annotated[int, Meta(ge=0, description="Also those beyond `limit`.")]
    query_time_ms: Milliseconds
    threshold: Fraction
    query_face: Annotated[QueryFace, Meta(description="The best of `query_faces`.")]
    query_faces: Annotated[list[QueryFace], Meta(min_length=1, description="One a selfie, in the order they came in.")]
    reason: Reason | None
    search_mode: Literal["exact", "ann"]
    timings_ms: SearchTimings
