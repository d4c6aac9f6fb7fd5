"""Decides who stands where in which photo: the whole session as numbers, before a pixel is drawn.

These numbers are the ground truth that the demo measures against.
"""

import math

import msgspec
import numpy as np

from facepass.domain.face import BoundingBox
from facepass.entrypoints.demo.people import (
    FACE_CENTRE,
    FACE_HEIGHT,
    FACE_WIDTH,
    FRAME_HEIGHT,
    FRAME_WIDTH,
    PEOPLE,
    PICTURES,
    SELFIE,
)

MAX_PEOPLE = 8
MIN_FACE_PX, MAX_FACE_PX = 40.0, 300.0
SIZES = ((1600, 1200), (1920, 1280), (2400, 1600), (1200, 1600))
PLAIN_SHARE = 0.7
"""Part of the photos saved upright; the others carry one of `ROTATED`, the camera's own three twice as often."""
ROTATED = (3, 6, 8, 3, 6, 8, 2, 4, 5, 7)
ATTEMPTS = 80


class PlacedFace(msgspec.Struct, frozen=True):
    """One person in one photo, in pixels of the upright photo.

    Attributes:
        person, picture: which picture of the set.
        x, y: where the centre of the frame lies.
        scale: photo pixels for one pixel of the picture.
        angle: degrees, anticlockwise.
        gain, contrast: brightness factor, and factor around the mean.
        tint, clothing: seeds of the person's colours.
    """

    person: int
    picture: int
    x: float
    y: float
    scale: float
    angle: float
    gain: float
    contrast: float
    tint: float
    clothing: int

    @property
    def box(self) -> BoundingBox:
        """The face as a detector frames it: the set's median box inside the frame, moved with the rotation."""
        width, height = FACE_WIDTH * FRAME_WIDTH * self.scale, FACE_HEIGHT * FRAME_HEIGHT * self.scale
        right = (FACE_CENTRE[0] - 0.5) * FRAME_WIDTH * self.scale
        down = (FACE_CENTRE[1] - 0.5) * FRAME_HEIGHT * self.scale
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        x, y = self.x + right * cos + down * sin, self.y - right * sin + down * cos
        return BoundingBox(x - width / 2, y - height / 2, width, height)

    @property
    def face_px(self) -> float:
        """The face's size: the shorter side of its box, in pixels of the upright photo."""
        return self.box.shorter_side


class PhotoPlan(msgspec.Struct, frozen=True):
    """One event photo.

    Attributes:
        photo_id: such as `demo-0001`.
        width, height: of the upright photo, in pixels.
        orientation: EXIF orientation the file is saved with, 1 to 8.
        quality: of the JPEG file, 70 to 95.
        seed: of everything behind the people.
    """

    photo_id: str
    width: int
    height: int
    orientation: int
    quality: int
    seed: int
    faces: tuple[PlacedFace, ...]

    @property
    def file_name(self) -> str:
        """Of the photo inside the session's folder."""
        return f"{self.photo_id}.jpg"

    def face_of(self, person: int) -> PlacedFace | None:
        """Where a person stands in the photo, if at all: nobody appears twice."""
        return next((face for face in self.faces if face.person == person), None)


class SessionPlan(msgspec.Struct, frozen=True):
    """The whole session.

    Attributes:
        selfie_names: person to file name of their selfie.
    """

    seed: int
    photos: tuple[PhotoPlan, ...]

    @property
    def faces_placed(self) -> int:
        """In all photos together."""
        return sum(len(photo.faces) for photo in self.photos)

    def photos_of(self, person: int) -> frozenset[str]:
        """Photo ids in which a person appears."""
        return frozenset(photo.photo_id for photo in self.photos if photo.face_of(person))


def plan_session(seed: int, photos: int) -> SessionPlan:
    """Plan a session in which every picture but the selfies appears at least once, if the photos suffice.

    Args:
        seed: the same seed and number plan the same session.
        photos: how many event photos, at least 1; 80 are always enough for all pictures.
    """
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, MAX_PEOPLE + 1, photos)
    deck = _Deck(rng)
    return SessionPlan(
        seed=seed,
        photos=tuple(
            _plan_photo(rng, f"demo-{number:04d}", deck.deal(int(count)))
            for number, count in enumerate(counts, start=1)
        ),
    )


class _Deck:
    """Deals pictures so that each is used before any is used again."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._cards: list[tuple[int, int]] = []

    def deal(self, count: int) -> list[tuple[int, int]]:
        """`count` pictures of different people; cards of a person already dealt stay in the deck."""
        hand: list[tuple[int, int]] = []
        while len(hand) < count:
            taken = {person for person, _ in hand}
            place = next((at for at, (person, _) in enumerate(self._cards) if person not in taken), None)
            if place is None:
                fresh = [(p, n) for p in range(1, PEOPLE + 1) for n in range(1, PICTURES + 1) if n != SELFIE]
                self._cards += [fresh[at] for at in self._rng.permutation(len(fresh))]
            else:
                hand.append(self._cards.pop(place))
        return hand


def _plan_photo(rng: np.random.Generator, photo_id: str, hand: list[tuple[int, int]]) -> PhotoPlan:
    width, height = SIZES[int(rng.integers(len(SIZES)))]
    plain = rng.random() < PLAIN_SHARE
    # Faces of one photo resemble each other in size, as in a group; photos differ from close-up to hall.
    middle_px = math.exp(rng.uniform(math.log(MIN_FACE_PX), math.log(MAX_FACE_PX)))
    faces: list[PlacedFace] = []
    for person, picture in hand:
        px = float(np.clip(middle_px * math.exp(rng.uniform(-0.4, 0.4)), MIN_FACE_PX, MAX_FACE_PX))
        faces.append(_place(rng, (person, picture), px, others=faces, width=width, height=height))
    return PhotoPlan(
        photo_id=photo_id,
        width=width,
        height=height,
        orientation=1 if plain else int(rng.choice(ROTATED)),
        quality=int(rng.integers(70, 96)),
        seed=int(rng.integers(2**32)),
        faces=tuple(faces),
    )


def _place(
    rng: np.random.Generator,
    card: tuple[int, int],
    px: float,
    *,
    others: list[PlacedFace],
    width: int,
    height: int,
) -> PlacedFace:
    """Find room for a head; where there is none, make it smaller until there is."""
    while True:
        scale = px / (FACE_WIDTH * FRAME_WIDTH)
        half_width, half_height = 0.58 * FRAME_WIDTH * scale, 0.56 * FRAME_HEIGHT * scale
        for _ in range(ATTEMPTS):
            x = rng.uniform(half_width, width - half_width)
            y = rng.uniform(half_height, height - half_height)
            if all(
                abs(x - other.x) > half_width + 0.58 * FRAME_WIDTH * other.scale
                or abs(y - other.y) > half_height + 0.56 * FRAME_HEIGHT * other.scale
                for other in others
            ):
                return PlacedFace(
                    person=card[0],
                    picture=card[1],
                    x=round(x, 1),
                    y=round(y, 1),
                    scale=scale,
                    angle=round(rng.uniform(-15.0, 15.0), 1),
                    gain=round(rng.uniform(0.65, 1.35), 3),
                    contrast=round(rng.uniform(0.75, 1.25), 3),
                    tint=round(rng.random(), 3),
                    clothing=int(rng.integers(2**32)),
                )
        px = max(MIN_FACE_PX, 0.85 * px)
