"""From bytes to faces and their templates."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from facepass.domain.embedding import TemplateSpace
from facepass.domain.face import Detection, Image, Quality
from facepass.domain.ports import EmbeddingModel


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a picture may cost before its pixels are decoded.

    Attributes:
        max_bytes: of the encoded file.
        max_side: largest width or height, in pixels; None where only the area counts.
        max_pixels: largest area, in pixels.
    """

    max_bytes: int
    max_side: int | None
    max_pixels: int


class WaitingPicture(Protocol):
    """A picture's file that is kept outside of memory until its turn has come."""

    @abstractmethod
    async def read(self) -> bytes:
        """All of it, as often as it is asked for."""


PictureFile = bytes | WaitingPicture


class ImageDecoder(Protocol):
    """From bytes to an upright picture."""

    @abstractmethod
    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        """Decode, honour EXIF orientation, convert to RGB; reduce while decoding what is larger than needed.

        Raises:
            UnsupportedImage: not a decodable image of an accepted format.
            PayloadTooLarge: beyond the limits; found out before the pixels are decoded.
        """


class FaceDetector(Protocol):
    """Finds faces."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Which detector."""

    @abstractmethod
    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        """All faces at or above the detector's score threshold, in the pixels of `image.pixels`, largest first.

        Args:
            image: the picture.
            any_rotation: for selfies: look also at the picture turned by quarters where no face is surely upright, and
                keep what the best turn shows. Landmarks are named as on the face set upright.
        """


class QualityAssessor(Protocol):
    """Says how fit detected faces are for recognition."""

    @abstractmethod
    async def assess(self, image: Image, detections: Sequence[Detection]) -> tuple[Quality, ...]:
        """One quality a detection, in order; detections in the pixels of `image.pixels`."""


class EmbeddingModels(Protocol):
    """Every recogniser this service can run. Galleries of different models are served side by side."""

    @property
    @abstractmethod
    def default(self) -> EmbeddingModel:
        """That of new galleries."""

    @abstractmethod
    async def get(self, space: TemplateSpace) -> EmbeddingModel:
        """The model of a space, loaded where it is not yet.

        Raises:
            Conflict: this service has no such model, or it may not be used here.
            Overloaded: the service stops.
        """
