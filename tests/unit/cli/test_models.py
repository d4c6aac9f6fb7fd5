"""`facepass models`, as it is typed."""

import json
import shutil
import tomllib

import pytest
from click.testing import CliRunner
from PIL import Image

from facepass.adapters.onnx.registry.manifest import encode_manifest
from facepass.entrypoints.cli.checks import models as model_checks
from facepass.entrypoints.cli.checks.check import State
from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.main import main
from facepass.entrypoints.environment import load_settings
from tests.unit.onnx.graphs import arcface_like, manifest_of, save

MODEL = arcface_like()
SHIPPED = {
    "retinaface-mnet025",
    "yunet-2023mar",
    "dlib-resnet29-int8",
    "dlib-resnet29-fp32",
    "sface-2021dec",
    "arcface-w600k-r50",
    "arcface-w600k-mbf",
    "auraface-v1",
}


@pytest.fixture
def models_dir(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def models(tmp_path, models_dir, monkeypatch):
    """Runs `facepass models …`; the answer of a command with --json, else the whole result."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, expect=ExitCode.OK, **variables):
        result = CliRunner().invoke(
            main, ["models", *map(str, arguments)], env={"MODELS_DIR": str(models_dir), **variables}
        )
        assert result.exit_code == expect, result.output
        if "--json" in arguments:
            return json.loads(result.stderr.splitlines()[-1] if expect not in {0, 1} else result.stdout)
        return result

    return run


@pytest.fixture
def mine(tmp_path, models_dir):
    """Describes a model of one's own in MODELS_DIR; its file, not installed yet."""

    def describe(**facts):
        (models_dir / "mine.toml").write_bytes(encode_manifest(manifest_of(MODEL, **facts)))
        return save(tmp_path, "given.onnx", MODEL)

    return describe


def test_every_model_is_listed(models):
    found = {model["name"]: model for model in models("list", "--json")}

    assert set(found) == SHIPPED
    assert {name for name, model in found.items() if model["in_force"]} == {"retinaface-mnet025", "dlib-resnet29-int8"}
    assert {name for name, model in found.items() if not model["commercial_use"]} == {
        "arcface-w600k-r50",
        "arcface-w600k-mbf",
    }
    assert {model["state"] for model in found.values()} == {"missing"}
    assert found["yunet-2023mar"]["role"] == "detector"
    for name in SHIPPED:
        assert name in models("list").stdout


def test_all_that_is_known_is_shown(models, mine):
    source = mine()
    models("install", "mine", "--from", source)
    found = models("show", "mine", "--json", RECOGNIZER_TYPE="mine")
    text = models("show", "mine").stdout

    assert found["summary"]["in_force"]
    assert (found["summary"]["state"], found["golden"], found["calibration_measured"]) == ("ready", True, False)
    assert found["manifest"]["template"]["side"] == 112
    assert found["calibration"]["basis"] == "a guess"
    for words in ("Example-1.0", "a guess", "taken over", "input.mean", found["sha256"][:40]):
        assert words in text.replace("\n", "")


def test_a_detector_has_no_calibration(models):
    assert models("show", "yunet-2023mar", "--json")["calibration"] is None
    assert "similarity" not in models("show", "yunet-2023mar").stdout


def test_a_manifest_of_ones_own_begins_as_a_shipped_one(models, models_dir):
    text = models("show", "sface-2021dec", "--toml").stdout
    assert tomllib.loads(text)["template"]["side"] == 112
    (models_dir / "mine.toml").write_text(text.replace('"sface-2021dec"', '"mine"'))
    assert "mine" in {model["name"] for model in models("list", "--json")}


def test_installing_is_told_and_done_once(models, mine, models_dir):
    source = mine()
    first = models("install", "mine", "--from", source, "--json")
    again = models("install", "mine", "--json")

    assert (first["fetched"], first["golden_recorded"]) == (True, True)
    assert (again["fetched"], again["golden_recorded"]) == (False, False)
    assert (models_dir / "mine.onnx").read_bytes() == MODEL
    assert "was there" in models("install", "mine").stdout


def test_a_licence_is_refused_by_name_and_address_until_accepted(models, mine, models_dir):
    source = mine(commercial_use=False)
    refused = models("install", "mine", "--from", source, "--json", expect=ExitCode.CONFIGURATION)
    assert "Example-1.0" in refused["detail"]
    assert "https://example.org/licence" in refused["detail"]
    assert not (models_dir / "mine.onnx").exists()

    models("install", "mine", "--from", source, ACCEPT_MODEL_LICENSE="mine")
    assert models("verify", "mine", "--json", expect=ExitCode.REFUSED)[0]["state"] == "licence_not_accepted"
    models("install", "mine", "--accept-license")
    assert models("verify", "mine", "--json")[0]["problem"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("show", "sface"), "Did you mean sface-2021dec"),
        (("install", "nothing-like-it"), "there are arcface-w600k-mbf"),
        (("verify", "yunet"), "Did you mean yunet-2023mar"),
        (("remove", "mine", "--yes"), "no model 'mine'"),
        (("quantize", "yunet-2023mar", "--calibration", "."), "no recogniser 'yunet-2023mar'"),
        (("quantize", "sface-2021dec", "--calibration", "."), "models install sface-2021dec"),
    ],
)
def test_what_there_is_not_is_said(models, arguments, words):
    assert words in models(*arguments, expect=ExitCode.CONFIGURATION).stderr


def test_a_wrong_file_is_refused(models, mine, tmp_path, models_dir):
    mine()
    other = save(tmp_path, "other.onnx", arcface_like(seed=9))
    assert "expected" in models("install", "mine", "--from", other, expect=ExitCode.CONFIGURATION).stderr
    assert not (models_dir / "mine.onnx").exists()


def test_a_bad_manifest_is_named(models, models_dir):
    (models_dir / "mine.toml").write_text('role = "recogniser"\nname = "mine"\n')
    refused = models("list", expect=ExitCode.CONFIGURATION).stderr
    assert "mine.toml" in refused
    assert "title" in refused


def test_what_is_wrong_ends_with_1(models, mine, models_dir):
    source = mine()
    models("install", "mine", "--from", source)
    (models_dir / "mine.onnx").write_bytes(MODEL[:-3])
    (verdict,) = models("verify", "mine", "--json", expect=ExitCode.REFUSED)
    assert verdict["state"] == "damaged"
    assert "SHA-256" in models("verify", "mine", expect=ExitCode.REFUSED).stdout


def test_without_names_what_is_in_force_is_verified_even_when_missing(models):
    verdicts = models("verify", "--json", expect=ExitCode.REFUSED)
    assert {verdict["name"] for verdict in verdicts} == {"retinaface-mnet025", "dlib-resnet29-int8"}
    assert all("models prepare" in verdict["problem"] for verdict in verdicts)


def test_a_model_is_removed_when_that_is_meant(models, mine, models_dir):
    models("install", "mine", "--from", mine())
    assert models("remove", "mine", expect=ExitCode.REFUSED).exit_code  # nobody answered yes
    assert (models_dir / "mine.onnx").exists()
    removed = models("remove", "mine", "--yes", "--json")["removed"]
    assert len(removed) == 3
    assert not (models_dir / "mine.onnx").exists()


class TestQuantize:
    @pytest.fixture
    def whole(self, models_dir, onnx_models_dir, mine, models):
        shutil.copytree(onnx_models_dir, models_dir, dirs_exist_ok=True)
        models("install", "mine", "--from", mine())
        return models

    @pytest.fixture
    def photos(self, orl, tmp_path):
        """Saves so many faces as pictures."""

        def save_some(count):
            folder = tmp_path / "photos"
            folder.mkdir()
            for person in range(1, count + 1):
                Image.fromarray(orl(person, 2)).save(folder / f"{person}.png")
            (folder / "broken.jpg").write_bytes(b"no picture")
            return folder

        return save_some

    def test_a_model_is_made_and_said_what_it_is_worth(self, whole, photos, models_dir):
        result = whole("quantize", "mine", "--calibration", photos(36))
        assert "mine-int8" in result.stdout
        assert "mean" in result.stdout
        assert "before" in result.stdout
        assert "broken.jpg is passed over" in result.stderr
        assert (models_dir / "mine-int8.onnx").exists()
        assert whole("verify", "mine-int8", "--json")[0]["golden_known"]

    def test_too_few_faces(self, whole, photos, models_dir):
        refused = whole("quantize", "mine", "--calibration", photos(5), expect=ExitCode.USAGE)
        assert "at least 32 faces, 5 were found" in refused.stderr
        assert not (models_dir / "mine-int8.onnx").exists()


class TestDoctor:
    @staticmethod
    def found(models_dir, **variables):
        settings = load_settings({"MODELS_DIR": str(models_dir), **variables})
        return [(check.name, check.state, f"{check.detail} {check.remedy}") for check in model_checks.checks(settings)]

    def test_nothing_prepared_is_a_warning(self, models_dir):
        found = self.found(models_dir)
        assert [(name, state) for name, state, _ in found] == [
            ("models", State.WARN),
            ("models", State.WARN),
            ("calibration", State.OK),
        ]

    def test_the_embedded_default_is_whole(self, onnx_models_dir):
        found = self.found(onnx_models_dir)
        assert {state for _, state, _ in found} == {State.OK}
        assert [name for name, _, _ in found] == ["models", "models", "model check", "model check", "calibration"]

    def test_a_model_that_is_not_installed_fails(self, onnx_models_dir):
        found = self.found(onnx_models_dir, RECOGNIZER_TYPE="sface-2021dec")
        assert ("models", State.FAIL) in {(name, state) for name, state, _ in found}
        assert any("facepass models install sface-2021dec" in words for _, _, words in found)
        assert ("calibration", State.WARN) in {(name, state) for name, state, _ in found}
        assert any("facepass calibrate" in words for name, _, words in found if name == "calibration")

    def test_an_unknown_name_fails(self, onnx_models_dir):
        ((name, state, words),) = self.found(onnx_models_dir, DETECTOR_TYPE="mtcnn")
        assert (name, state) == ("models", State.FAIL)
        assert "retinaface-mnet025" in words

    def test_what_is_not_accepted_or_not_on_record_is_told(self, onnx_models_dir, models_dir, mine):
        shutil.copytree(onnx_models_dir, models_dir, dirs_exist_ok=True)
        mine(commercial_use=False)
        save(models_dir, "mine.onnx", MODEL)
        refused = self.found(models_dir, RECOGNIZER_TYPE="mine")
        assert any(state is State.FAIL and "--accept-license" in words for _, state, words in refused)
        accepted = self.found(models_dir, RECOGNIZER_TYPE="mine", ACCEPT_MODEL_LICENSE="mine")
        assert any(state is State.WARN and "models install mine" in words for _, state, words in accepted)
        assert State.FAIL not in {state for _, state, _ in accepted}
