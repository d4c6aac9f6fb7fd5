"""Say which faces a picture shows, storing nothing."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

from facepass.application.face_analysis import FaceAnalyser, Timings
from facepass.application.ports import Clock, ImageLimits, PictureFile, WorkKind
from facepass.domain.face import Face, ImageSize


@dataclass(frozen=True, slots=True)
class DetectedFaces:
    """Largest face first; none is a valid answer."""

    size: ImageSize
    faces: tuple[Face, ...]
    timings: Timings
    took_ms: float


class FindFaces(Protocol):
    """What `DetectFaces` does, with or without something around it."""

    @abstractmethod
    async def __call__(
        self, data: PictureFile, limits: ImageLimits, *, kind: WorkKind = WorkKind.DETECT
    ) -> DetectedFaces:
        """See `DetectFaces`."""


class DetectFaces(FindFaces):
    """Decode, detect, assess."""

    def __init__(self, *, analyser: FaceAnalyser, clock: Clock) -> None:
        self._analyser = analyser
        self._clock = clock

    async def __call__(
        self, data: PictureFile, limits: ImageLimits, *, kind: WorkKind = WorkKind.DETECT
    ) -> DetectedFaces:
        """All faces of the picture.

        Raises:
            UnsupportedImage, PayloadTooLarge, Overloaded: see `FaceAnalyser.open`.
        """
        started = self._clock.elapsed_s()
        async with self._analyser.open(data, limits, kind=kind) as analysis:
            return DetectedFaces(
                size=analysis.size,
                faces=analysis.faces,
                timings=analysis.timings,
                took_ms=1e3 * (self._clock.elapsed_s() - started),
            )
