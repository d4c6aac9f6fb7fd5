"""What the use cases need beyond the domain: time, transactions, pictures and admission."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self, TypeVar

from facepass.domain.face import Detection, Image, Quality
from facepass.domain.ports import VectorRepository

T = TypeVar("T")


class Clock(Protocol):
    """Time, injected."""

    @abstractmethod
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    @abstractmethod
    def elapsed_s(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class UnitOfWork(Protocol):
    """One transaction. Leaving it without `commit` rolls back."""

    galleries: VectorRepository

    @abstractmethod
    async def __aenter__(self) -> Self:
        """Begin.

        Raises:
            DependencyUnavailable: the database is out of reach.
        """

    @abstractmethod
    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    @abstractmethod
    async def commit(self) -> None:
        """Make it hold, all of it."""


class UnitOfWorkFactory(Protocol):
    """Makes a fresh unit of work for each use case."""

    @abstractmethod
    def __call__(self) -> UnitOfWork:
        """A unit of work that has not begun."""


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


class Readiness(Protocol):
    """A dependency that can be asked whether it answers."""

    @abstractmethod
    async def check(self) -> None:
        """Return when it answers.

        Raises:
            DependencyUnavailable: it does not, within the adapter's time limit.
        """


class Admission(Protocol):
    """Bounds how many pictures are worked on at once, and how many may wait."""

    @abstractmethod
    def admit(self) -> AbstractAsyncContextManager[None]:
        """Hold a place while inside.

        Raises:
            Overloaded: no place came free within the wait limit, or too many wait already.
        """


class QualityAssessor(Protocol):
    """Says how fit detected faces are for recognition."""

    @abstractmethod
    async def assess(self, image: Image, detections: Sequence[Detection]) -> tuple[Quality, ...]:
        """One quality a detection, in order; detections in the pixels of `image.pixels`."""


class Workers(Protocol):
    """Threads for work that would block the event loop. Who brings work holds a place of `Admission`."""

    @abstractmethod
    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns.

        Raises:
            Overloaded: the service stops.
        """


class Authenticator(Protocol):
    """Decides whether a caller is who may call."""

    @abstractmethod
    def authenticate(self, credential: str | None) -> None:
        """Return for a valid credential.

        Takes the same time for every wrong one, whatever it holds.

        Raises:
            Unauthorized: missing or wrong.
        """
