"""`facepass calibrate` and `facepass evaluate` on a few of the ORL faces, as processes of their own."""

import json

import pytest
from PIL import Image

from facepass.adapters.onnx.registry.registry import Registry
from facepass.entrypoints.cli.exit_codes import ExitCode

MODEL = "dlib-resnet29-int8"
FEW = ("--replicates", 100)


@pytest.fixture
def own_models(models_dir, tmp_path):
    """A models folder of one's own that holds the prepared models without copying them."""
    folder = tmp_path / "models"
    folder.mkdir()
    for file in models_dir.iterdir():
        if file.suffix == ".onnx" or file.name == "manifest.json":
            (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture
def labelled(photos):
    """Three people with three pictures each, and one picture of nobody."""
    nobody = photos / "3" / "nobody.png"
    Image.new("RGB", (120, 120), (128, 128, 128)).save(nobody)
    yield photos
    nobody.unlink()


def test_a_calibration_is_written_and_in_force_until_reset(facepass, labelled, own_models, tmp_path):
    out = tmp_path / "out"
    arguments = ("calibrate", "--data", labelled, "--fmr", 0.01, *FEW, "--out", out, "--json")

    tried = facepass(*arguments, "--dry-run", MODELS_DIR=own_models)
    assert tried.returncode == ExitCode.OK, tried.stderr
    assert json.loads(tried.stdout)["written"] is None
    assert not list(own_models.glob("*.calibration.json"))

    done = facepass(*arguments, MODELS_DIR=own_models)
    assert done.returncode == ExitCode.OK, done.stderr
    report = json.loads(done.stdout)
    registry = Registry(own_models)
    record = registry.calibration(registry.recogniser(MODEL))
    assert record.operating_point == report["operating_point"]["value"]
    assert (record.people, record.pictures, record.slope) == (3, 10, report["slope"])
    assert record.basis == "photos; FMR 1 %"
    assert report["missed"] == ["3/nobody.png"]
    assert report["faces"] == 9
    assert any("rule of 3" in caveat for caveat in report["caveats"])
    assert [session["faces"] for session in report["sessions"]] == [100, 1000, 10_000]
    with Image.open(out / "det.png") as curve:
        assert min(curve.size) > 400
    assert json.loads((out / "report.json").read_text()) == report

    reset = facepass("calibrate", "--reset", "--json", MODELS_DIR=own_models)
    assert reset.returncode == ExitCode.OK, reset.stderr
    assert json.loads(reset.stdout)["removed"] is True
    assert registry.calibration(registry.recogniser(MODEL)) == registry.recogniser(MODEL).calibration


def test_models_stand_side_by_side(facepass, labelled, own_models, tmp_path):
    done = facepass(
        "evaluate", "--data", labelled, "--models", "all", *FEW, "--out", tmp_path / "out", MODELS_DIR=own_models
    )

    assert done.returncode == ExitCode.OK, done.stderr
    assert "sface-2021dec is left out: missing." in done.stderr
    assert "3/nobody.png" in done.stdout
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [row["recogniser"] for row in report["pairs"]] == ["dlib-resnet29-fp32", MODEL]
    first, second = report["pairs"]
    assert first["eer_difference"] is None
    assert second["eer_difference"]["value"] == pytest.approx(second["eer"]["value"] - first["eer"]["value"])
    assert first["rank_1"] == {"value": 1.0, "low": 0.0, "high": 1.0, "method": "rule_of_3"}
    assert first["embed_ms"]["low"] <= first["embed_ms"]["value"] <= first["embed_ms"]["high"]
    (detector,) = report["detectors"]
    assert (detector["pictures"], detector["missed"]) == (10, 1)
    with Image.open(tmp_path / "out" / "comparison.png") as chart:
        assert min(chart.size) > 400


def test_a_named_model_that_is_missing_is_an_error(facepass, labelled, own_models):
    done = facepass("evaluate", "--data", labelled, "--models", "sface-2021dec", MODELS_DIR=own_models)

    assert done.returncode == ExitCode.CONFIGURATION
    assert "sface-2021dec is missing" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("calibrate",), "--data"),
        (("calibrate", "--reset", "--data", "."), "--reset"),
        (("calibrate", "--data", "."), "two people"),
        (("evaluate", "--data", ".", "--models", "all,sface-2021dec"), "names or all"),
    ],
)
def test_what_makes_no_sense_ends_with_2(facepass, own_models, arguments, message):
    done = facepass(*arguments, MODELS_DIR=own_models)

    assert done.returncode == ExitCode.USAGE
    assert message in done.stderr
