from facepass.adapters.onnx.benchmark import FACES, INT8, LONG_SIDES_PX, measure_detector, measure_recogniser
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.device import CPU


def test_every_size_of_picture_is_timed_in_every_mode(registry: Registry) -> None:
    costs = measure_detector(registry, "retinaface-mnet025", threads=2, rounds=1, device=CPU)
    assert [(cost.part, cost.size) for cost in costs] == [("detect", size) for size in LONG_SIDES_PX]
    assert all(cost.one_thread_ms > 0 and cost.shared_ms > 0 and cost.side_by_side_ms > 0 for cost in costs)


def test_every_batch_is_timed_in_every_mode(registry: Registry) -> None:
    costs = measure_recogniser(registry, INT8, threads=2, rounds=1, device=CPU)
    assert [(cost.part, cost.model, cost.size) for cost in costs] == [("embed", INT8, faces) for faces in FACES]
    assert all(cost.one_thread_ms > 0 and cost.shared_ms > 0 and cost.side_by_side_ms > 0 for cost in costs)
