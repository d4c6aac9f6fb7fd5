"""Erasing a session, a photo, or a person."""

from litestar import Response, delete, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.application.delete_gallery import DeleteGallery
from facepass.application.delete_photo import DeletePhoto
from facepass.application.forget_person import ForgetPerson
from facepass.application.ports import ImageLimits
from facepass.domain.gallery import PhotoId, SessionId
from facepass.entrypoints.http import access, convert
from facepass.entrypoints.http.answers import HttpRequest, answer
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.forms import FormSpec, read_form
from facepass.entrypoints.http.parameters import Parameters, path_id
from facepass.entrypoints.settings import Settings

_TEXTS = frozenset({"threshold"})
_FILES = frozenset({"file"})


@delete("/index/{session_id:str}", status_code=200, opt={"access": access.DELETE})
async def delete_session(
    request: HttpRequest, delete_gallery: NamedDependency[SkipValidation[DeleteGallery]]
) -> Response[bytes]:
    """Erase a session."""
    erasure = await delete_gallery(path_id(request, "session_id", SessionId))
    return answer(request, convert.erasure(erasure))


@delete("/index/{session_id:str}/photos/{photo_id:str}", status_code=200, opt={"access": access.DELETE})
async def delete_one(
    request: HttpRequest, delete_photo: NamedDependency[SkipValidation[DeletePhoto]]
) -> Response[bytes]:
    """Erase a photo."""
    erasure = await delete_photo(path_id(request, "session_id", SessionId), path_id(request, "photo_id", PhotoId))
    return answer(request, convert.erasure(erasure))


@post("/index/{session_id:str}/forget", status_code=200, opt={"access": access.FORGET})
async def forget(
    request: HttpRequest,
    forget_person: NamedDependency[SkipValidation[ForgetPerson]],
    upload_limits: NamedDependency[SkipValidation[ImageLimits]],
    settings: NamedDependency[SkipValidation[Settings]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Forget the person of a selfie."""
    session_id = path_id(request, "session_id", SessionId)
    with bodies.lease() as lease:
        parameters = Parameters(await read_form(request, FormSpec(_TEXTS, _FILES, upload_limits.max_bytes), lease))
        selfie = parameters.file("file")
        threshold = parameters.threshold(settings.recognition.face_similarity_threshold)
        parameters.check()
        result = await forget_person(session_id, selfie.value, limits=upload_limits, threshold=threshold.value)
    return answer(request, convert.forgotten(result))
