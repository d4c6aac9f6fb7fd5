"""Finds the faces of a picture: the looks a profile asks for, merged, refined and, for selfies, turned.

Where nothing is found, a last look puts the picture on a border: a face cut by all four sides is found so.
"""

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.detection.looks import Scale, pyramid, resized
from facepass.adapters.onnx.detection.network import Candidates, Network, RgbArray
from facepass.adapters.onnx.detection.refinement import refined
from facepass.adapters.onnx.detection.retinaface import RetinaFace
from facepass.adapters.onnx.detection.suppression import suppress
from facepass.adapters.onnx.detection.turns import TURN_LONG_SIDE, TURNS, is_doubtful, score_of_largest, turned_back
from facepass.adapters.onnx.detection.yunet import YuNet
from facepass.adapters.onnx.registry.manifest import DetectorManifest
from facepass.adapters.onnx.runtime.device import CPU, Device
from facepass.application.detection_profile import PROFILES, DetectionProfile, ProfileName
from facepass.domain.face import BoundingBox, Detection, Landmarks

_LAST_LONG_SIDE: Final = 256
_LAST_BORDER: Final = 0.5
"""Border of the last look, on each side, as a part of the picture's side."""

NETWORKS: Final[dict[str, type[RetinaFace] | type[YuNet]]] = {"retinaface": RetinaFace, "yunet": YuNet}
"""By the architecture that manifests name."""


class Detector:
    """A network, and how it is used. Safe to call from several threads at once."""

    def __init__(self, network: Network, *, profile: DetectionProfile, refine: bool) -> None:
        """Wire it.

        Args:
            network: takes the looks.
            profile: how closely small faces are looked for.
            refine: whether each face is looked at once more, for better landmarks.
        """
        self._network = network
        self._profile = profile
        self._refine = refine

    @classmethod
    def load(
        cls,
        manifest: DetectorManifest,
        model: Path,
        *,
        profile: ProfileName = "balanced",
        score_threshold: float | None = None,
        device: Device = CPU,
    ) -> "Detector":
        """The detector that a manifest describes.

        Args:
            manifest: the model's.
            model: its file.
            profile: how closely small faces are looked for.
            score_threshold: least score of a face, 0 to 1, inclusive; None for the model's own.
            device: where the network runs.

        Raises:
            ConfigurationError: the runtime refuses the model, or cannot use the device.
        """
        threshold = manifest.score_threshold if score_threshold is None else score_threshold
        network = NETWORKS[manifest.architecture](model, score_threshold=threshold, device=device)
        return cls(network, profile=PROFILES[profile], refine=manifest.refine)

    def detect(
        self, pixels: RgbArray, *, longest_px: int | None = None, any_rotation: bool = False
    ) -> tuple[Detection, ...]:
        """All faces, largest first; ties by position from the top left.

        Args:
            pixels: `(height, width, 3)` uint8 RGB, upright.
            longest_px: long side of the photo that `pixels` were decoded from, perhaps at a reduced scale; None where
                they are the photo.
            any_rotation: look also at the picture turned by quarters where no face is found, or none that is surely
                upright, and keep what the best of the four shows. Landmarks are named as on the face set upright.

        Returns:
            Boxes and landmarks in pixels of `pixels`; a box may reach beyond the border.
        """
        longest = longest_px or max(pixels.shape[:2])
        long_side = self._profile.long_side_px(longest, face_px=self._network.least_face_px)
        long_side = min(long_side, longest)
        found = self._upright(pixels, long_side)
        if any_rotation and is_doubtful(found, sure_score=self._network.sure_score):
            turns = self._best_turn(pixels)
            if turns:
                turned = self._upright(np.ascontiguousarray(np.rot90(pixels, turns)), long_side)
                found = turned_back(turned, turns, pixels.shape)
        return tuple(sorted(map(_detection, found.boxes, found.landmarks, found.scores), key=_largest_first))

    def _upright(self, pixels: RgbArray, long_side: int) -> Candidates:
        height, width = pixels.shape[:2]
        scales = pyramid(width, height, long_side)
        found = merged(scales, [self._at(pixels, scale) for scale in scales], iou_threshold=self._network.overlap)
        if not len(found):
            found = self._on_a_border(pixels)
        return refined(self._network, pixels, found) if self._refine and len(found) else found

    def _best_turn(self, pixels: RgbArray) -> int:
        """The quarter turns after which the largest face scores best, by one small look at each."""
        long_side = min(TURN_LONG_SIDE, max(pixels.shape[:2]))
        scores = [
            score_of_largest(self._upright(np.ascontiguousarray(np.rot90(pixels, turns)), long_side)) for turns in TURNS
        ]
        return TURNS[int(np.argmax(scores))]

    def _at(self, pixels: RgbArray, scale: Scale) -> Candidates:
        scaled = resized(pixels, scale)
        parts = []
        for left, top, right, bottom in scale.tiles:
            seen = self._network.look(scaled[top:bottom, left:right])
            parts.append(scale.uncut(seen, (left, top, right, bottom)).moved(left, top))
        return Candidates.joined(parts).scaled(1 / scale.x, 1 / scale.y)

    def _on_a_border(self, pixels: RgbArray) -> Candidates:
        height, width = pixels.shape[:2]
        scale = Scale.fit(width, height, _LAST_LONG_SIDE)
        border = (round(scale.width * _LAST_BORDER), round(scale.height * _LAST_BORDER))
        seen = self._network.look(resized(pixels, scale), border=border)
        kept = suppress(seen.boxes, seen.scores, iou_threshold=self._network.overlap)
        return seen.take(kept).scaled(1 / scale.x, 1 / scale.y)


def merged(scales: tuple[Scale, ...], seen: list[Candidates], *, iou_threshold: float) -> Candidates:
    """One candidate a face, of those of all scales.

    A face too large for a scale is taken from the next smaller one, whatever the scores. What only a smaller scale saw
    of faces that a larger one should see better counts last.

    Args:
        scales: the smallest first.
        seen: of each scale, in pixels of the picture.
        iou_threshold: the network's.
    """
    last = len(scales) - 1
    ranks = []
    for at, candidates in enumerate(seen):
        if at == last:
            rank = np.full(len(candidates), at, dtype=np.intp)
        else:
            too_small = candidates.sides < scales[at + 1].largest_px
            rank = np.where(too_small, 2 * last - at, at).astype(np.intp)
        ranks.append(rank)
    joined = Candidates.joined(seen)
    kept = suppress(joined.boxes, joined.scores, iou_threshold=iou_threshold, ranks=np.concatenate(ranks))
    return joined.take(kept)


def _detection(box: npt.NDArray[np.float32], landmarks: npt.NDArray[np.float32], score: np.float32) -> Detection:
    left, top, right, bottom = (float(value) for value in box)
    return Detection(
        BoundingBox(left, top, right - left, bottom - top), Landmarks.from_array(landmarks), min(1.0, float(score))
    )


def _largest_first(detection: Detection) -> tuple[float, float, float, float]:
    return (-detection.box.area, detection.box.y, detection.box.x, -detection.confidence)
