"""From what the service answered and what is true to the numbers of the report."""

from collections.abc import Mapping, Sequence

import numpy as np

from facepass.domain.face import BoundingBox
from facepass.entrypoints.demo.people import name
from facepass.entrypoints.demo.report import (
    Accuracy,
    Detection,
    Found,
    Latency,
    Part,
    Rates,
    SelfieResult,
    Target,
)
from facepass.entrypoints.demo.scene import PhotoPlan, PlacedFace, SessionPlan
from facepass.entrypoints.http import schemas

LEAST_IOU = 0.4
"""The true boxes are the set's medians: two right boxes may differ in width by a quarter."""
LARGE_PX = 60.0


def box_of(box: schemas.Box | None) -> BoundingBox:
    """An answered box as the domain knows it; the demo's photos all have theirs."""
    if box is None:
        raise ValueError("only what an earlier system indexed has no box")
    return BoundingBox(box.x, box.y, box.width, box.height)


def is_face(box: BoundingBox, face: PlacedFace) -> bool:
    """Whether a detected box is a placed face. Placed faces keep apart, so no box is two of them."""
    return box.iou(face.box) >= LEAST_IOU


def detection(plan: SessionPlan, detected: Mapping[str, Sequence[BoundingBox]]) -> Detection:
    """Faces found against faces placed.

    Args:
        plan: the truth.
        detected: boxes of each photo that was indexed; photos that failed are missing, and their faces count as missed.
    """
    placed = [(photo, face) for photo in plan.photos for face in photo.faces]
    found = [any(is_face(box, face) for box in detected.get(photo.photo_id, ())) for photo, face in placed]
    large = [face.face_px >= LARGE_PX for _, face in placed]
    unexpected = sum(
        not any(is_face(box, face) for face in photo.faces)
        for photo in plan.photos
        for box in detected.get(photo.photo_id, ())
    )
    return Detection(
        least_iou=LEAST_IOU,
        large_px=LARGE_PX,
        every=_found(len(placed), sum(found)),
        large=_found(sum(large), sum(f for f, is_large in zip(found, large, strict=True) if is_large)),
        unexpected=unexpected,
        missed=[
            f"{photo.photo_id} {name(face.person)} ({face.face_px:.0f} px)"
            for (photo, face), was_found, is_large in zip(placed, found, large, strict=True)
            if is_large and not was_found
        ],
    )


def _found(placed: int, found: int) -> Found:
    return Found(placed, found, found / placed if placed else None)


def selfie_result(plan: SessionPlan, person: int, answer: schemas.SearchResult | str) -> SelfieResult:
    """One search against the truth.

    Args:
        plan: the truth.
        person: whose selfie it was.
        answer: the service's, or why it refused.
    """
    expected = plan.photos_of(person)
    matches = [] if isinstance(answer, str) else answer.matches
    photos: dict[str, PhotoPlan] = {photo.photo_id: photo for photo in plan.photos}
    right = [match for match in matches if match.photo_id in expected]
    found = {match.photo_id for match in right}
    wrong_face = []
    for match in right:
        face = photos[match.photo_id].face_of(person)
        if face is not None and not is_face(box_of(match.box), face):
            wrong_face.append(match.photo_id)
    return SelfieResult(
        person=name(person),
        expected=len(expected),
        right=[match.photo_id for match in right],
        wrong=[match.photo_id for match in matches if match.photo_id not in expected],
        missed=sorted(expected - found),
        wrong_face=wrong_face,
        recall=len(found) / len(expected) if expected else 1.0,
        precision=len(right) / len(matches) if matches else None,
        refused=answer if isinstance(answer, str) else None,
    )


def accuracy(results: Sequence[SelfieResult], *, threshold: float | None) -> Accuracy:
    """All searches together."""
    right, wrong = sum(len(one.right) for one in results), sum(len(one.wrong) for one in results)
    expected = sum(one.expected for one in results)
    precisions = [one.precision for one in results if one.precision is not None]
    imperfect = [one for one in results if one.missed or one.wrong]
    imperfect.sort(key=lambda one: (one.recall, 0.0 if one.precision is None else one.precision, one.person))
    return Accuracy(
        threshold=threshold,
        micro=Rates(
            recall=right / expected if expected else None,
            precision=right / (right + wrong) if right + wrong else None,
        ),
        macro=Rates(
            recall=float(np.mean([one.recall for one in results])) if results else None,
            precision=float(np.mean(precisions)) if precisions else None,
        ),
        worst=[one.person for one in imperfect],
        selfies=list(results),
    )


def latency(total_ms: Sequence[float], timings: Sequence[schemas.SearchTimings]) -> Latency | None:
    """Where the time of the searches went; None without searches.

    Args:
        total_ms: each search at the client.
        timings: what the service said of each, in the same order.
    """
    if not total_ms:
        return None
    total = np.asarray(total_ms, dtype=np.float64)
    parts = np.array([[one.decode, one.detect, one.embed, one.search] for one in timings], dtype=np.float64)
    rest = np.maximum(total - parts.sum(axis=1), 0.0)

    def part(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Part:
        return Part(
            p50_ms=float(np.percentile(values, 50)),
            p95_ms=float(np.percentile(values, 95)),
            share=float(np.median(values / total)),
        )

    return Latency(
        searches=len(total),
        total=part(total),
        decode=part(parts[:, 0]),
        detect=part(parts[:, 1]),
        embed=part(parts[:, 2]),
        database=part(parts[:, 3]),
        everything_else=part(rest),
        overhead=part(parts[:, 3] + rest),
    )


def targets(found: Detection, searches: Accuracy, speed: Latency | None) -> list[Target]:
    """What the project promises of the demo."""
    return [
        _at_least(f"faces ≥ {LARGE_PX:.0f} px found", found.large.share, 0.97),
        _at_least("photo recall", searches.micro.recall, 0.95),
        _at_least("photo precision", searches.micro.precision, 0.98),
        _below("share of a search outside decoding and models", speed.overhead.share if speed else None, 0.15),
        _below("p95 of the database, ms", speed.database.p95_ms if speed else None, 10.0),
    ]


def _at_least(words: str, value: float | None, wanted: float) -> Target:
    return Target(words, value, at_least=wanted, below=None, met=None if value is None else value >= wanted)


def _below(words: str, value: float | None, wanted: float) -> Target:
    return Target(words, value, at_least=None, below=wanted, met=None if value is None else value < wanted)
