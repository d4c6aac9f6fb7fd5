"""Finding a visitor in a session, and how far the session is indexed."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.application.gallery_status import GetGalleryStatus
from facepass.application.ports import ImageLimits
from facepass.application.search_gallery import MAX_SELFIES, SearchGallery
from facepass.domain.gallery import SessionId
from facepass.entrypoints.http import auth, convert
from facepass.entrypoints.http.answers import HttpRequest, answer, revalidated
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.forms import FormSpec, read_form
from facepass.entrypoints.http.parameters import Parameters, path_id
from facepass.entrypoints.settings import Settings

_TEXTS = frozenset({"session_id", "threshold", "limit", "on_multiple"})
_FILES = frozenset({"file"})


@post("/search", status_code=200, opt={"access": auth.SEARCH})
async def search(
    request: HttpRequest,
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
        result = await search_gallery(
            session_id.value,
            selfies.value,
            limits=upload_limits,
            threshold=threshold.value,
            limit=limit.value,
            on_multiple=on_multiple.value,
        )
    return answer(request, convert.search_result(result))


@get("/search/status/{session_id:str}", opt={"access": auth.SEARCH})
async def session_status(
    request: HttpRequest, gallery_status: NamedDependency[SkipValidation[GetGalleryStatus]]
) -> Response[bytes]:
    """A session in numbers."""
    status = await gallery_status(path_id(request, "session_id", SessionId))
    return revalidated(request, convert.session_status(status))
