"""What a visitor is told of their picture: one place for the words, so that every way in says the same."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from facepass.domain.face import QualityReason
from facepass.domain.identification import SearchReason

_ADVICE: Final[Mapping[QualityReason, tuple[str, str]]] = MappingProxyType(
    {
        QualityReason.TOO_SMALL: ("is too small", "Take a picture from closer by."),
        QualityReason.BLURRED: ("is blurred", "Hold the camera still and let it focus on your face."),
        QualityReason.EXTREME_POSE: ("is turned away", "Look straight into the camera."),
        QualityReason.CUT_BY_BORDER: ("is cut off at the edge", "Keep your whole head inside the picture."),
        QualityReason.LOW_DETECTION_SCORE: ("cannot be seen clearly", "Take off whatever covers it and come closer."),
        QualityReason.TOO_DARK: ("is too dark", "Try again with more light on your face."),
        QualityReason.TOO_BRIGHT: ("is too bright", "Try again out of the glaring light."),
    }
)

_EXPLANATIONS: Final[Mapping[SearchReason, str]] = MappingProxyType(
    {
        SearchReason.SESSION_WITHOUT_FACES: "There are no photos with faces here yet. Try again later.",
        SearchReason.NOTHING_ABOVE_THRESHOLD: "None of the photos shows you clearly enough to be sure of it. "
        "Try another selfie, or several at once: from the front, in good light.",
        SearchReason.LARGEST_FACE_NOT_FOUND: "Your picture shows several people, and the one with the largest face is "
        "not in the photos. Try a picture of you alone.",
        SearchReason.LARGEST_FACE_USED: "Your picture shows several people: the one with the largest face was looked "
        "for.",
    }
)
NO_FACE: Final = "No face was found in {picture}. Take a picture that shows your whole face."
SEVERAL_FACES: Final = "There are {count} faces in {picture}, several of similar size. Take a picture of you alone."
UNKNOWN_SESSION: Final = "No session {session!r} is known here. Check the link or the name you were given."


def explanation(reason: SearchReason) -> str:
    """What a search came to, in a sentence or two, without saying how close anybody else came."""
    return _EXPLANATIONS[reason]


def different_people(places: Sequence[int]) -> str:
    """Which selfies do not show the person that the others show.

    Args:
        places: of the selfies at odds, from 0: one, or all that are where it cannot be told which.
    """
    if len(places) == 1:
        return f"Selfie {places[0] + 1} seems to show another person than your other selfies. Leave it out."
    numbers = [str(place + 1) for place in places]
    listed = f"{', '.join(numbers[:-1])} and {numbers[-1]}"
    return f"Selfies {listed} seem to show different people. Send pictures of one person only."


def advice(reason: QualityReason, *, picture: str = "your picture") -> str:
    """What is wrong with the face in a picture, and what to do about it: two sentences of plain English.

    Args:
        reason: why the face was refused.
        picture: what the reader calls the picture.
    """
    trouble, remedy = _ADVICE[reason]
    return f"The face in {picture} {trouble}. {remedy}"
