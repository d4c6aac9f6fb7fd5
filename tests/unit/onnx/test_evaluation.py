"""Renderings, the pass over labelled pictures, and a calibration kept where the registry reads it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from facepass.adapters.onnx.evaluation.pipeline import TimedDetector, TimedRecogniser
from facepass.adapters.onnx.evaluation.record import remove_calibration, write_calibration
from facepass.adapters.onnx.evaluation.renderings import FACE_PX, LEAST_SIDE_PX, Renderer
from facepass.adapters.onnx.evaluation.runs import Picture, Runs, run_over
from facepass.adapters.onnx.registry.manifest import CalibrationRecord
from facepass.adapters.onnx.registry.registry import Registry
from facepass.domain.errors import ConfigurationError
from facepass.domain.face import Image, ImageSize

Pixels = npt.NDArray[np.uint8]
DETECTOR, RECOGNISER = "retinaface-mnet025", "dlib-resnet29-int8"


def picture(name: str, person: str, pixels: Pixels) -> Picture:
    return Picture(name, person, Image(pixels, ImageSize(pixels.shape[1], pixels.shape[0])))


@pytest.fixture
def pattern() -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (120, 100, 3), dtype=np.uint8)


def test_renderings_are_the_same_every_time(pattern: Pixels) -> None:
    first, again, other = (list(Renderer(seed).render(pattern, 60.0, count=3)) for seed in (5, 5, 6))

    assert all(np.array_equal(one, same) for one, same in zip(first, again, strict=True))
    assert any(one.shape != two.shape or np.any(one != two) for one, two in zip(first, other, strict=True))


def test_renderings_differ_from_each_other(pattern: Pixels) -> None:
    one, two = Renderer(1).render(pattern, 60.0, count=2)

    assert one.shape != two.shape or np.any(one != two)


def test_renderings_are_pictures_on_a_ground(pattern: Pixels) -> None:
    """A face of 25 pixels becomes one of 40 to 300: the picture of four times its size 160 to 1200."""
    for rendered in Renderer(2).render(pattern, 25.0, count=5):
        assert rendered.dtype == np.uint8
        assert rendered.shape[2] == 3
        assert min(rendered.shape[:2]) >= LEAST_SIDE_PX
        assert max(rendered.shape[:2]) <= np.ceil(pattern.shape[0] * FACE_PX[1] / 25.0)


@pytest.fixture(scope="module")
def runs(registry: Registry, orl: Callable[..., Pixels]) -> Runs:
    """Two pictures of each of two people, and one that shows nobody."""
    pictures = [
        picture(f"{person}/{number}", str(person), orl(person, number, enlarge=3, border=100))
        for person in (1, 2)
        for number in (1, 2)
    ]
    grey = np.full((200, 200, 3), 128, dtype=np.uint8)
    steps: list[int] = []
    found = run_over(
        [*pictures, picture("2/nobody", "2", grey)],
        [TimedDetector(registry, DETECTOR, profile="balanced", score_threshold=None)],
        [TimedRecogniser(registry, RECOGNISER)],
        renderings=0,
        seed=1,
        progress=lambda: steps.append(1),
    )
    assert len(steps) == 5
    return found


def test_a_picture_without_a_face_is_counted_and_named(runs: Runs) -> None:
    (seen,) = runs.detectors

    assert seen.found == [True, True, True, True, False]
    assert seen.missed == ["2/nobody"]
    assert seen.people == ["1", "1", "2", "2", "2"]
    assert all(took > 0 for took in seen.took_ms)


def test_each_face_becomes_a_vector_of_its_person(runs: Runs) -> None:
    (run,) = runs.pairs
    cosines = run.templates() @ run.templates().T

    assert (run.detector, run.recogniser) == (DETECTOR, RECOGNISER)
    assert run.people == ["1", "1", "2", "2"]
    assert np.diag(cosines) == pytest.approx(np.ones(4), abs=1e-5)
    assert min(cosines[0, 1], cosines[2, 3]) > cosines[:2, 2:].max()


def test_renderings_stand_in_place_of_their_picture(registry: Registry, orl: Callable[..., Pixels]) -> None:
    found = run_over(
        [picture("1/1", "1", orl(1, 1, enlarge=3, border=100)), picture("1/2", "1", np.zeros((50, 50, 3), np.uint8))],
        [TimedDetector(registry, DETECTOR, profile="fast", score_threshold=None)],
        [],
        renderings=3,
        seed=1,
        progress=lambda: None,
    )

    assert found.detectors[0].found == [True, True, True, False]
    assert found.pairs == ()


RECORD = CalibrationRecord(operating_point=0.9, slope=50.0, basis="set", people=3, pictures=9, date="2026-11-22")


def test_a_written_calibration_is_in_force(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "models")
    manifest = registry.recogniser(RECOGNISER)
    before = registry.calibration(manifest)

    path = write_calibration(registry, RECOGNISER, RECORD)

    assert path == registry.calibration_path(RECOGNISER)
    assert registry.calibration(manifest) == RECORD != before
    assert [entry.name for entry in registry.models_dir.iterdir()] == [path.name]
    assert remove_calibration(registry, RECOGNISER)
    assert registry.calibration(manifest) == before
    assert not remove_calibration(registry, RECOGNISER)


def test_a_folder_that_cannot_be_written_is_an_error_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "models").write_bytes(b"a file")

    with pytest.raises(ConfigurationError, match="models"):
        write_calibration(Registry(tmp_path / "models"), RECOGNISER, RECORD)
