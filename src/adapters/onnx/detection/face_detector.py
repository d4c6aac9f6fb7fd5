"""The detector as the application sees it: asynchronous, and off the event loop."""

from functools import partial

from facepass.adapters.onnx.detection.retinaface import RetinaFace
from facepass.adapters.onnx.golden import check_detector
from facepass.adapters.onnx.registry.registry import Registry
from facepass.application.ports import FaceDetector, Workers
from facepass.domain.face import Detection, Image


class OnnxFaceDetector(FaceDetector):
    """A detector of the registry in worker threads, which it does not own."""

    def __init__(self, *, registry: Registry, name: str, workers: Workers, score_threshold: float | None) -> None:
        """Load the network, see that it works on this machine, and so warm it up: about 50 ms.

        Args:
            registry: knows the model.
            name: of the detector.
            workers: where detection runs.
            score_threshold: least score of a face, 0 to 1, inclusive; None for the model's own.

        Raises:
            ConfigurationError: the model is missing, cannot be loaded or computes something else than it should.
        """
        manifest = registry.detector(name)
        model = registry.require(manifest)
        if manifest.golden is not None:
            check_detector(RetinaFace(model, score_threshold=manifest.score_threshold), manifest.golden, name=name)
        self._name = name
        threshold = manifest.score_threshold if score_threshold is None else score_threshold
        self._detector = RetinaFace(model, score_threshold=threshold)
        self._workers = workers

    @property
    def name(self) -> str:
        """Which detector."""
        return self._name

    async def detect(self, image: Image) -> tuple[Detection, ...]:
        """All faces, largest first, in the pixels of `image.pixels`.

        Raises:
            Overloaded: the service stops.
        """
        return await self._workers.run(partial(self._detector.detect, image.pixels))
