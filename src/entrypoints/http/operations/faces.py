"""Looking at pictures without storing anything."""

from facepass.entrypoints.http import access, documented, schemas
from facepass.entrypoints.http.operations.operation import FACE, PICTURE, Operation
from facepass.entrypoints.settings import Settings


def faces(settings: Settings) -> tuple[Operation, ...]:
    """In the order of the document."""
    pair = {
        "file_a": documented.picture(settings, "One picture"),
        "file_b": documented.picture(settings, "The other picture"),
        "threshold": documented.threshold(settings),
    }
    return (
        Operation(
            method="post",
            path="/detect",
            name="detect_faces",
            tag="Faces",
            summary="Find faces",
            description="Boxes, five landmarks, detection score and quality with reasons, largest face first.",
            answer=schemas.DetectedFaces,
            example=schemas.DetectedFaces([documented.FACE], documented.SIZE, 31.6),
            errors=PICTURE,
            access=access.DETECT,
            body=documented.form({"file": documented.picture(settings, "The picture")}, ["file"]),
        ),
        Operation(
            method="post",
            path="/compare",
            name="compare_faces",
            tag="Faces",
            summary="Compare two pictures",
            description="Compares the largest faces; the order of the pictures does not change the score.",
            answer=schemas.Comparison,
            example=schemas.Comparison(0.94, 0.958, True, 0.5, [documented.FACE, documented.FACE]),
            errors=FACE,
            access=access.DETECT,
            body=documented.form(pair, ["file_a", "file_b"]),
        ),
    )
