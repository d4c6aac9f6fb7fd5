"""The detector as the application sees it: asynchronous, and off the event loop."""

from functools import partial
from pathlib import Path

from facepass.adapters.onnx.golden import check_detector
from facepass.adapters.onnx.prepare import DETECTOR_FILE
from facepass.adapters.onnx.retinaface import RetinaFace
from facepass.application.ports import FaceDetector, Workers
from facepass.domain.face import Detection, Image

DETECTOR_NAME = "retinaface-mnet025"


class OnnxFaceDetector(FaceDetector):
    """RetinaFace in worker threads, which it does not own."""

    def __init__(self, *, models_dir: Path, workers: Workers, score_threshold: float) -> None:
        """Load the network, see that it works on this machine, and so warm it up: about 50 ms.

        Args:
            models_dir: where `prepare_models` has left the models.
            workers: where detection runs.
            score_threshold: least score of a face, 0 to 1, inclusive.

        Raises:
            ConfigurationError: the model is missing, cannot be loaded or computes something else than it should.
        """
        check_detector(RetinaFace(models_dir / DETECTOR_FILE))
        self._detector = RetinaFace(models_dir / DETECTOR_FILE, score_threshold=score_threshold)
        self._workers = workers

    @property
    def name(self) -> str:
        """`retinaface-mnet025`."""
        return DETECTOR_NAME

    async def detect(self, image: Image) -> tuple[Detection, ...]:
        """All faces, largest first, in the pixels of `image.pixels`.

        Raises:
            Overloaded: the service stops.
        """
        return await self._workers.run(partial(self._detector.detect, image.pixels))
