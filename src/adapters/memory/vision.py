"""A world small enough to understand: pictures that are lists of people, and models that recognise them exactly.

A scene is JSON such as `{"width": 640, "height": 480, "faces": [{"person": 7, "x": 10, "y": 20, "size": 80}]}`.
Decoding paints each face as a square in a colour of its person, and the detector and the model read nothing but those
pixels, so whole use cases run on them as they would on photographs, in microseconds.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from facepass.application.ports import (
    EmbeddingModels,
    FaceDetector,
    ImageDecoder,
    ImageLimits,
    QualityAssessor,
    Workers,
)
from facepass.application.ports import T as Result
from facepass.domain.embedding import Calibration, Embedding, ModelId, TemplateSpace
from facepass.domain.errors import Conflict, PayloadTooLarge, UnsupportedImage
from facepass.domain.face import BoundingBox, Detection, Image, ImageSize, Landmarks, Point, Quality
from facepass.domain.ports import EmbeddingModel
from facepass.domain.quality import FaceMeasurements, assess, share_inside

PEOPLE: Final = 2**16
"""Person numbers run from 0 to here; a face's colour is (255, number // 256, number % 256) on black."""

_SIDE_BY_SIDE: Final = ((0.3, 0.4), (0.7, 0.4), (0.5, 0.575), (0.35, 0.75), (0.65, 0.75))
"""Landmarks of a level, frontal face in its box."""


class InlineWorkers(Workers):
    """Runs work where it stands: in-memory work is over sooner than a thread would start."""

    async def run(self, work: Callable[[], Result]) -> Result:
        """See `Workers.run`."""
        return work()


class SceneDecoder(ImageDecoder):
    """Paints scenes."""

    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        """See `ImageDecoder.decode`."""
        if len(data) > limits.max_bytes:
            raise PayloadTooLarge(f"The picture has {len(data)} bytes; at most {limits.max_bytes} are accepted.")
        try:
            scene: dict[str, Any] = json.loads(data)
            width, height, faces = int(scene["width"]), int(scene["height"]), list(scene["faces"])
        except (ValueError, KeyError, TypeError) as error:
            raise UnsupportedImage("The file is not a scene.") from error
        if width * height > limits.max_pixels or max(width, height) > (limits.max_side or limits.max_pixels):
            raise PayloadTooLarge(f"The picture is {width} x {height} pixels, more than is accepted.")
        pixels = np.zeros((height, width, 3), dtype=np.uint8)
        for face in faces:
            x, y, size, person = (int(face[name]) for name in ("x", "y", "size", "person"))
            pixels[y : y + size, x : x + size] = (255, person // 256, person % 256)
        return Image(pixels, ImageSize(width, height))


class SquareDetector(FaceDetector):
    """Finds painted squares; two that touch must differ in colour."""

    @property
    def name(self) -> str:
        """See `FaceDetector.name`."""
        return "squares"

    async def detect(
        self,
        image: Image,
        *,
        any_rotation: bool = False,  # noqa: ARG002 - a square looks the same from all four sides
    ) -> tuple[Detection, ...]:
        """See `FaceDetector.detect`."""
        painted = image.pixels[..., 0] == 255  # noqa: PLR2004 - the colour of faces
        colours = np.unique(image.pixels[painted][:, 1:].reshape(-1, 2), axis=0)
        found = [self._square(image, painted, green, blue) for green, blue in colours]
        return tuple(sorted(found, key=lambda face: (-face.box.area, face.box.x, face.box.y)))

    @staticmethod
    def _square(image: Image, painted: Any, green: int, blue: int) -> Detection:
        rows, columns = np.nonzero(painted & (image.pixels[..., 1] == green) & (image.pixels[..., 2] == blue))
        x, y = float(columns.min()), float(rows.min())
        box = BoundingBox(x, y, float(columns.max()) + 1 - x, float(rows.max()) + 1 - y)
        points = [Point(x + across * box.width, y + down * box.height) for across, down in _SIDE_BY_SIDE]
        return Detection(box, Landmarks(*points), confidence=0.99)


class SizeAssessor(QualityAssessor):
    """Judges painted faces by size and place: they are never blurred, turned or badly lit."""

    async def assess(self, image: Image, detections: Sequence[Detection]) -> tuple[Quality, ...]:
        """See `QualityAssessor.assess`."""
        return tuple(
            assess(
                FaceMeasurements(
                    size_px=face.box.shorter_side * image.scale,
                    confidence=face.confidence,
                    sharpness=1.0,
                    yaw=0.0,
                    pitch=0.0,
                    inside=share_inside(face.landmarks, width=image.pixels.shape[1], height=image.pixels.shape[0]),
                    luminance=0.5,
                    black=0.0,
                    white=0.0,
                )
            )
            for face in detections
        )


class ColourModel(EmbeddingModel):
    """Recognises people by the colour under the nose: the same person always, two people never."""

    def __init__(self, *, dimension: int = 128) -> None:
        self._dimension = dimension

    @property
    def model_id(self) -> ModelId:
        """See `EmbeddingModel.model_id`."""
        return ModelId(f"colour-{self._dimension}")

    @property
    def dimension(self) -> int:
        """See `EmbeddingModel.dimension`."""
        return self._dimension

    @property
    def calibration(self) -> Calibration:
        """See `EmbeddingModel.calibration`."""
        return Calibration(operating_point=0.7, slope=20.0)

    async def embed(self, image: Image, faces: Sequence[Landmarks]) -> tuple[Embedding, ...]:
        """See `EmbeddingModel.embed`."""
        return tuple(self._of_person(image, face) for face in faces)

    def _of_person(self, image: Image, face: Landmarks) -> Embedding:
        _, green, blue = image.pixels[int(face.nose.y), int(face.nose.x)]
        direction = np.random.default_rng(int(green) * 256 + int(blue)).standard_normal(self._dimension)
        return Embedding.normalised(self.model_id, direction)


class MemoryEmbeddingModels(EmbeddingModels):
    """The models it was given, the default one first."""

    def __init__(self, default: EmbeddingModel, *others: EmbeddingModel) -> None:
        self._default = default
        self._models = {model.space: model for model in (default, *others)}

    @property
    def default(self) -> EmbeddingModel:
        """See `EmbeddingModels.default`."""
        return self._default

    async def get(self, space: TemplateSpace) -> EmbeddingModel:
        """See `EmbeddingModels.get`."""
        if space not in self._models:
            raise Conflict(f"{space.refusal()} This service does not have it.")
        return self._models[space]
