"""How closely photos are looked at: small faces in large photos against time.

It lies here because decoding and detection must agree on it: what was left out while decoding cannot be looked at.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

ProfileName: TypeAlias = Literal["fast", "balanced", "thorough"]
"""What `DETECTION_PROFILE` may be."""

DECODED_FACE_PX: Final = 20.0
"""Size at which the smallest face must at least be decoded; a network that needs it larger enlarges it, which finds as
many faces as decoding it larger would."""


@dataclass(frozen=True, slots=True)
class DetectionProfile:
    """To which long side photos are reduced for the look at small faces.

    Attributes:
        smallest_face_px: in the photo's own pixels; what is smaller need not be found.
        ordinary_px: photos whose long side is no longer get the least look: they show few people, near by.
        least_px: long side of the least look, in pixels.
        most_px: of the largest look: bounds time and memory, so that beyond it the smallest face grows.
    """

    smallest_face_px: float
    ordinary_px: int
    least_px: int
    most_px: int

    def long_side_px(self, longest_px: int, *, face_px: float = DECODED_FACE_PX) -> int:
        """To which long side a photo is reduced. May be larger than the photo, which is then taken as it is.

        Args:
            longest_px: long side of the photo.
            face_px: size that its smallest face is to have then, in pixels.
        """
        if longest_px <= self.ordinary_px:
            return self.least_px
        return max(self.least_px, min(self.most_px, round(longest_px * face_px / self.smallest_face_px)))


PROFILES: Final[dict[ProfileName, DetectionProfile]] = {
    "fast": DetectionProfile(smallest_face_px=140, ordinary_px=2048, least_px=1024, most_px=1024),
    "balanced": DetectionProfile(smallest_face_px=40, ordinary_px=2048, least_px=1024, most_px=3600),
    "thorough": DetectionProfile(smallest_face_px=24, ordinary_px=1024, least_px=1024, most_px=8192),
}
