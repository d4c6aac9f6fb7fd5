"""Finding a visitor."""

from facepass.application.probe import OnMultiple
from facepass.application.search_gallery import MAX_LIMIT
from facepass.entrypoints.http import access, documented, schemas
from facepass.entrypoints.http.operations.operation import FACE, STORE, Operation
from facepass.entrypoints.http.parameters import DEFAULT_LIMIT
from facepass.entrypoints.settings import Settings


def searching(settings: Settings) -> tuple[Operation, ...]:
    """In the order of the document."""
    form = documented.form(
        {
            "session_id": documented.ID | {"example": documented.SESSION},
            "file": documented.selfies(settings),
            "threshold": documented.threshold(settings),
            "limit": {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
            "on_multiple": {
                "type": "string",
                "enum": [value.value for value in OnMultiple],
                "default": OnMultiple.LARGEST.value,
                "description": "What to do with a selfie that shows several faces of similar size.",
            },
        },
        ["session_id", "file"],
    )
    return (
        Operation(
            method="post",
            path="/search",
            name="search",
            tag="Search",
            summary="Find a visitor's photos",
            description="Compares the visitor's face with every face of the session, exactly. Several selfies are "
            "fused into one score, which finds more at the same `threshold`; where they seem to show different people, "
            "or one cannot be used, `errors` names it: `file[1]` is the second. An empty list comes with a `reason`: "
            "a `code` and a sentence for the visitor; `largest_face_used` says that a selfie shows several people.",
            answer=schemas.SearchResult,
            example=schemas.SearchResult(
                session_id=documented.SESSION,
                matches=[schemas.Match(documented.PHOTO, 0.94, 0.997, 0.958, 0, documented.BOX)],
                total_matches=1,
                query_time_ms=43.1,
                threshold=0.5,
                query_face=documented.QUERY_FACE,
                query_faces=[documented.QUERY_FACE],
                reason=documented.REASON,
                search_mode="exact",
                timings_ms=schemas.SearchTimings(6.8, 21.9, 12.7, 1.4),
            ),
            errors=(*FACE, "ambiguous_selfie", "not_found", "conflict", *STORE),
            access=access.SEARCH,
            body=form,
        ),
        Operation(
            method="get",
            path="/search/status/{session_id}",
            name="session_status",
            tag="Search",
            summary="A session in numbers",
            description="Send the `ETag` of the last answer as `If-None-Match` to be told only of changes.",
            answer=schemas.SessionStatus,
            example=schemas.SessionStatus(documented.SESSION, True, 41, 163, 1, documented.MOMENT, documented.MODEL),
            errors=("invalid_request", "not_found", *STORE, "internal"),
            access=access.STATUS,
            parameters=(documented.SESSION_IN_PATH,),
            revalidates=True,
        ),
    )
