"""Looking at pictures without storing anything."""

from litestar import Response, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.application.compare_faces import CompareFaces
from facepass.application.detect_faces import DetectFaces
from facepass.application.ports import ImageLimits
from facepass.entrypoints.http import access, convert
from facepass.entrypoints.http.answers import HttpRequest, answer
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.forms import FormSpec, read_form
from facepass.entrypoints.http.parameters import Parameters
from facepass.entrypoints.settings import Settings


@post("/detect", status_code=200, opt={"access": access.DETECT})
async def detect(
    request: HttpRequest,
    detect_faces: NamedDependency[SkipValidation[DetectFaces]],
    upload_limits: NamedDependency[SkipValidation[ImageLimits]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Find the faces of a picture."""
    with bodies.lease() as lease:
        spec = FormSpec(frozenset(), frozenset({"file"}), upload_limits.max_bytes)
        parameters = Parameters(await read_form(request, spec, lease))
        picture = parameters.file("file")
        parameters.check()
        result = await detect_faces(picture.value, upload_limits)
    return answer(request, convert.detected_faces(result))


@post("/compare", status_code=200, opt={"access": access.DETECT})
async def compare(
    request: HttpRequest,
    compare_faces: NamedDependency[SkipValidation[CompareFaces]],
    upload_limits: NamedDependency[SkipValidation[ImageLimits]],
    settings: NamedDependency[SkipValidation[Settings]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Compare the largest faces of two pictures."""
    with bodies.lease() as lease:
        spec = FormSpec(frozenset({"threshold"}), frozenset({"file_a", "file_b"}), upload_limits.max_bytes)
        parameters = Parameters(await read_form(request, spec, lease))
        first, second = parameters.file("file_a"), parameters.file("file_b")
        threshold = parameters.threshold(settings.recognition.face_similarity_threshold)
        parameters.check()
        result = await compare_faces(first.value, second.value, limits=upload_limits, threshold=threshold.value)
    return answer(request, convert.comparison(result))
