"""Who was found."""

from facepass.application.search_gallery import Match, SearchResult
from facepass.application.visitor_words import explanation
from facepass.entrypoints.http import schemas
from facepass.entrypoints.http.convert.faces import box_of, query_face_of


def _match(match: Match) -> schemas.Match:
    found = match.candidate
    return schemas.Match(
        photo_id=found.photo_id,
        similarity=match.similarity,
        confidence=found.confidence,
        cosine=found.cosine,
        face_no=found.face_no,
        box=None if found.box is None else box_of(found.box),
    )


def search_result(result: SearchResult) -> schemas.SearchResult:
    """Answer of `POST /search`."""
    return schemas.SearchResult(
        session_id=result.session_id,
        matches=[_match(match) for match in result.matches],
        total_matches=result.total_matches,
        query_time_ms=result.took_ms,
        threshold=float(result.threshold),
        query_face=query_face_of(result.query_face),
        query_faces=[query_face_of(face) for face in result.query_faces],
        reason=None if result.reason is None else schemas.Reason(result.reason, explanation(result.reason)),
        search_mode=result.mode.value,
        timings_ms=schemas.SearchTimings(
            result.timings.decode_ms, result.timings.detect_ms, result.timings.embed_ms, result.search_ms
        ),
    )
