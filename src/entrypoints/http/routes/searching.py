"""Finding a visitor in a session, and how far the session is indexed."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.application.gallery_status import GetGalleryStatus
from facepass.application.ports import ImageLimits
from facepass.application.search_gallery import MAX_SELFIES, SearchGallery
from facepass.application.spend_search import SpendSearch
from facepass.domain.access import Caller
from facepass.domain.gallery import SessionId
from facepass.entrypoints.http import access, convert
from facepass.entrypoints.http.answers import HttpRequest, answer, revalidated
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.forms import FormSpec, read_form
from facepass.entrypoints.http.parameters import Parameters, path_id
from facepass.entrypoints.settings import Settings

_TEXTS = frozenset({"session_id", "threshold", "limit", "on_multiple"})
_FILES = frozenset({"file"})


@post("/search", status_code=200, opt={"access": access.SEARCH})
async def search(  # noqa: PLR0917 - Litestar injects by name
    request: HttpRequest,
    caller: NamedDependency[SkipValidation[Caller]],
    spend_search: NamedDependency[SkipValidation[SpendSearch]],
    search_gallery: NamedDependency[SkipValidation[SearchGallery]],
    upload_limits: NamedDependency[SkipValidation[ImageLimits]],
    settings: NamedDependency[SkipValidation[Settings]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Search a session with one or more selfies of a visitor."""
    with bodies.lease() as lease:
        spec = FormSpec(_TEXTS, _FILES, upload_limits.max_bytes, files_each=MAX_SELFIES)
        parameters = Parameters(await read_form(request, spec, lease))
        session_id = parameters.opaque_id("session_id", SessionId)
        selfies = parameters.files("file")
        threshold = parameters.threshold(settings.recognition.face_similarity_threshold)
        limit = parameters.limit()
        on_multiple = parameters.on_multiple()
        parameters.check()
        caller.require_session(session_id.value)
        await spend_search(caller)
        result = await search_gallery(
            session_id.value,
            selfies.value,
            limits=upload_limits,
            threshold=threshold.value,
            limit=limit.value,
            on_multiple=on_multiple.value,
        )
    return answer(request, convert.search_result(result))


@get("/search/status/{session_id:str}", opt={"access": access.STATUS})
async def session_status(
    request: HttpRequest,
    caller: NamedDependency[SkipValidation[Caller]],
    gallery_status: NamedDependency[SkipValidation[GetGalleryStatus]],
) -> Response[bytes]:
    """A session in numbers."""
    session_id = path_id(request, "session_id", SessionId)
    caller.require_session(session_id)
    return revalidated(request, convert.session_status(await gallery_status(session_id)))
