"""The detector as the application sees it: asynchronous, and off the event loop."""

from functools import partial

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.golden import check_detector
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.device import CPU, Device
from facepass.application.detection_profile import ProfileName
from facepass.application.ports import FaceDetector, Workers
from facepass.domain.face import Detection, Image


class OnnxFaceDetector(FaceDetector):
    """A detector of the registry in worker threads, which it does not own."""

    def __init__(
        self,
        *,
        registry: Registry,
        name: str,
        workers: Workers,
        score_threshold: float | None,
        profile: ProfileName = "balanced",
        device: Device = CPU,
    ) -> None:
        """Load the network, see that it works on this machine, and so warm it up: about 50 ms.

        Args:
            registry: knows the model.
            name: of the detector.
            workers: where detection runs.
            score_threshold: least score of a face, 0 to 1, inclusive; None for the model's own.
            profile: how closely small faces are looked for.
            device: where the network runs.

        Raises:
            ConfigurationError: the model is missing, cannot be loaded or computes something else than it should.
        """
        manifest = registry.detector(name)
        model = registry.require(manifest)
        golden = registry.golden_face(manifest)
        if golden is not None:
            check_detector(Detector.load(manifest, model, device=device), golden, name=name)
        self._name = name
        self._detector = Detector.load(manifest, model, profile=profile, score_threshold=score_threshold, device=device)
        self._workers = workers

    @property
    def name(self) -> str:
        """Which detector."""
        return self._name

    async def detect(self, image: Image, *, any_rotation: bool = False) -> tuple[Detection, ...]:
        """See `FaceDetector.detect`.

        Raises:
            Overloaded: the service stops.
        """
        longest_px = max(image.size.width, image.size.height)
        return await self._workers.run(
            partial(self._detector.detect, image.pixels, longest_px=longest_px, any_rotation=any_rotation)
        )
