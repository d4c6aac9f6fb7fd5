"""Putting photos into a session, looking one up, and the store as a whole."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.application.get_photo import GetPhoto
from facepass.application.index_batch import IndexBatch
from facepass.application.index_photo import IndexPhoto
from facepass.application.index_status import GetIndexStatus
from facepass.application.ports import ImageLimits
from facepass.application.read_photo import ReadPhoto
from facepass.application.submit_job import SubmitJob
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import MAX_PHOTOS
from facepass.entrypoints.http import access, convert
from facepass.entrypoints.http.answers import HttpRequest, answer
from facepass.entrypoints.http.batch import RESPOND_ASYNC, read_batch, wants_async
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.forms import FormSpec, read_form
from facepass.entrypoints.http.parameters import Parameters, path_id
from facepass.entrypoints.settings import Settings

_TEXTS = frozenset({"photo_id", "session_id", "s3_key"})
_FILES = frozenset({"file"})


@post("/index", status_code=200, opt={"access": access.INDEX})
async def index_one(  # noqa: PLR0917 - Litestar injects by name
    request: HttpRequest,
    index_photo: NamedDependency[SkipValidation[IndexPhoto]],
    read_photo: NamedDependency[SkipValidation[ReadPhoto]],
    upload_limits: NamedDependency[SkipValidation[ImageLimits]],
    source_limits: NamedDependency[SkipValidation[ImageLimits]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Index one photo, sent along or named by its key."""
    with bodies.lease() as lease:
        form = await read_form(request, FormSpec(_TEXTS, _FILES, upload_limits.max_bytes), lease)
        parameters = Parameters(form)
        photo_id = parameters.opaque_id("photo_id", PhotoId)
        session_id = parameters.opaque_id("session_id", SessionId)
        picture = parameters.file_or_key("file", "s3_key")
        parameters.check()
        session, photo, sent = session_id.value, photo_id.value, picture.value
        if isinstance(sent, str):
            async with read_photo.open(sent) as data:
                result = await index_photo(session, photo, data, source_limits, source_key=sent)
        else:
            result = await index_photo(session, photo, sent, upload_limits)
    return answer(request, convert.indexed_photo(result))


@post("/index/batch", status_code=200, opt={"access": access.INDEX})
async def index_many(
    request: HttpRequest,
    index_batch: NamedDependency[SkipValidation[IndexBatch]],
    submit_job: NamedDependency[SkipValidation[SubmitJob]],
    settings: NamedDependency[SkipValidation[Settings]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Index photos named by their keys."""
    with bodies.lease() as lease:
        batch = await read_batch(request, lease, max_photos=MAX_PHOTOS)
    if len(batch.photos) > settings.photos.batch_sync_max or wants_async(request):
        job = await submit_job(batch.session_id, batch.photos)
        accepted = convert.accepted_job(job)
        headers = {"Location": accepted.status_url, "Preference-Applied": RESPOND_ASYNC}
        return answer(request, accepted, status=202, headers=headers)
    result = await index_batch(batch.session_id, batch.photos)
    return answer(request, convert.indexed_batch(result))


@get("/index/{session_id:str}/photos/{photo_id:str}", opt={"access": access.LOOK_UP})
async def stored_photo(request: HttpRequest, get_photo: NamedDependency[SkipValidation[GetPhoto]]) -> Response[bytes]:
    """What is kept of one photo."""
    photo = await get_photo(path_id(request, "session_id", SessionId), path_id(request, "photo_id", PhotoId))
    return answer(request, convert.stored_photo(photo))


@get("/index/status", opt={"access": access.ANY_KEY})
async def store_status(
    request: HttpRequest, index_status: NamedDependency[SkipValidation[GetIndexStatus]]
) -> Response[bytes]:
    """What is stored altogether, and what it is searched with."""
    return answer(request, convert.index_status(await index_status()))
