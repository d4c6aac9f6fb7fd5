"""Installing models: what is right gets there whole, what is wrong leaves everything as it was and says why."""

import shutil
import zipfile
from pathlib import Path

import msgspec
import pytest

from facepass.adapters.onnx.golden import check_recogniser
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.install import remove
from facepass.adapters.onnx.registry.licences import LICENCES_FILE, accepted_licences
from facepass.adapters.onnx.registry.manifest import DetectorManifest, Source
from facepass.adapters.onnx.registry.registry import ModelState, Registry
from facepass.adapters.onnx.registry.verify import verify
from facepass.domain.errors import ConfigurationError
from tests.unit.onnx.graphs import arcface_like, detector_like, manifest_of, save, sha256
from tests.unit.onnx.installing import MODEL, URL, contents, describe, install


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


class TestFromAFile:
    def test_the_model_itself(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL))
        source = save(tmp_path, "any-name.onnx", MODEL)
        source.chmod(0o444)
        first = install(registry, source=source)
        before = contents(models_dir)
        second = install(registry, source=source)
        assert (first.fetched, first.golden_recorded) == (True, True)
        assert (second.fetched, second.golden_recorded) == (False, False), "idempotent"
        assert contents(models_dir) == before
        assert set(before) == {"mine.toml", "mine.onnx", "mine.golden.json"}
        assert registry.state(registry.get("mine")) is ModelState.READY

    @pytest.mark.parametrize("member", ["mine.onnx", "pack/mine-v1.onnx", "deep/in/w600k.onnx"])
    def test_a_zip_archive_that_has_it(self, models_dir: Path, tmp_path: Path, member: str) -> None:
        registry = describe(models_dir, manifest_of(MODEL, url=URL, member="w600k.onnx"))
        archive = tmp_path / "pack.zip"
        with zipfile.ZipFile(archive, "w") as pack:
            pack.writestr("readme.txt", "not this")
            pack.writestr(member, MODEL)
        assert install(registry, source=archive).fetched
        assert (models_dir / "mine.onnx").read_bytes() == MODEL

    def test_a_zip_archive_that_has_it_not(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL, url=URL, member="w600k.onnx"))
        archive = tmp_path / "pack.zip"
        with zipfile.ZipFile(archive, "w") as pack:
            pack.writestr("readme.txt", "not this")
        self.refused(registry, models_dir, archive, r"pack\.zip does not hold w600k\.onnx")

    def test_a_zip_bomb(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL, member="w600k.onnx"))
        archive = tmp_path / "pack.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
            pack.writestr("w600k.onnx", bytes(8_000_000))
        self.refused(registry, models_dir, archive, "too large")

    def test_a_damaged_zip_archive(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL, member="w600k.onnx"))
        archive = tmp_path / "pack.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as pack:
            pack.writestr("w600k.onnx", MODEL)
        data = bytearray(archive.read_bytes())
        data[60:160] = bytes(100)
        archive.write_bytes(data)
        with pytest.raises(ConfigurationError, match=r"pack\.zip|SHA-256"):
            install(registry, source=archive)

    def test_another_file_is_refused_with_both_digests(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL))
        other = arcface_like(seed=6)
        self.refused(registry, models_dir, save(tmp_path, "other.onnx", other), f"{sha256(other)}.*{sha256(MODEL)}")

    def test_a_pointer_instead_of_the_file_is_recognised(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL))
        pointer = save(tmp_path, "mine.onnx", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        self.refused(registry, models_dir, pointer, "pointer of Git LFS")

    def test_a_file_that_is_not_there(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL))
        self.refused(registry, models_dir, tmp_path / "gone.onnx", "is no file")

    @staticmethod
    def refused(registry: Registry, models_dir: Path, source: Path, why: str) -> None:
        before = contents(models_dir)
        with pytest.raises(ConfigurationError, match=why):
            install(registry, source=source)
        assert contents(models_dir) == before


class TestGraphs:
    @pytest.mark.parametrize(
        ("graph", "why"),
        [
            ({"side": 128}, "n×3×128×128, its manifest says n×3×112×112"),
            ({"dimension": 32}, "gives n×32, its manifest says n×16"),
            ({"batch": 4}, "exactly 4 faces at a time"),
            ({"undeclared": True, "dimension": 32}, "gives 32 values, its manifest says 16"),
            ({"reshaped": 1}, "mine (gives|cannot embed|says)"),
            ({"constant": True}, "same of different pictures"),
        ],
    )
    def test_one_that_does_not_fit_is_refused(
        self, models_dir: Path, tmp_path: Path, graph: dict[str, object], why: str
    ) -> None:
        model = arcface_like(**graph)  # type: ignore[arg-type]  # what is varied is stated above
        registry = describe(models_dir, manifest_of(model))
        before = contents(models_dir)
        with pytest.raises(ConfigurationError, match=why):
            install(registry, source=save(tmp_path, "model.onnx", model))
        assert contents(models_dir) == before

    def test_what_is_no_graph_is_refused(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(b"no graph"))
        with pytest.raises(ConfigurationError, match="cannot load"):
            install(registry, source=save(tmp_path, "model.onnx", b"no graph"))
        assert set(contents(models_dir)) == {"mine.toml"}

    @pytest.mark.parametrize("architecture", ["retinaface", "yunet"])
    def test_what_is_no_detector_is_refused(self, models_dir: Path, tmp_path: Path, architecture: str) -> None:
        model = detector_like()
        mine = manifest_of(model)
        manifest = DetectorManifest(
            name="mine",
            title="no detector",
            architecture="yunet" if architecture == "yunet" else "retinaface",
            source=mine.source,
            licence=mine.licence,
            score_threshold=0.5,
        )
        registry = describe(models_dir, manifest)
        with pytest.raises(ConfigurationError):
            install(registry, source=save(tmp_path, "model.onnx", model))
        assert set(contents(models_dir)) == {"mine.toml"}

    def test_a_detector_of_ones_own_is_put_on_record(self, models_dir: Path, onnx_models_dir: Path) -> None:
        theirs = Registry(onnx_models_dir).detector("retinaface-mnet025")
        manifest = msgspec.structs.replace(
            theirs, name="mine", golden=None, source=Source(megabytes=2, sha256=theirs.source.sha256)
        )
        registry = describe(models_dir, manifest)
        done = install(registry, source=onnx_models_dir / "retinaface-mnet025.onnx")
        assert done.golden_recorded
        found = registry.golden_face(manifest)
        assert found is not None
        assert theirs.golden is not None
        assert found.geometry == pytest.approx(theirs.golden.geometry, abs=0.5)
        assert verify(registry, manifest).problem is None


class TestLicences:
    def test_one_that_forbids_commercial_use_is_accepted_first(self, models_dir: Path, tmp_path: Path) -> None:
        manifest = manifest_of(MODEL, commercial_use=False)
        registry, source = describe(models_dir, manifest), save(tmp_path, "m.onnx", MODEL)
        with pytest.raises(ConfigurationError, match=r"Example-1\.0, https://example\.org/licence.*--accept-license"):
            install(registry, source=source)
        assert set(contents(models_dir)) == {"mine.toml"}
        install(registry, source=source, accept=True)
        assert accepted_licences(models_dir) == {"mine": "Example-1.0"}
        assert registry.state(manifest) is ModelState.READY

        changed = msgspec.structs.replace(
            manifest, licence=msgspec.structs.replace(manifest.licence, name="Example-2.0")
        )
        assert registry.state(changed) is ModelState.LICENCE_NOT_ACCEPTED, "another licence was not accepted"

    def test_the_settings_accept_too(self, models_dir: Path, tmp_path: Path) -> None:
        manifest = manifest_of(MODEL, commercial_use=False)
        describe(models_dir, manifest)
        install(Registry(models_dir, accepted=["mine"]), source=save(tmp_path, "m.onnx", MODEL))
        assert not (models_dir / LICENCES_FILE).exists()
        assert Registry(models_dir).state(manifest) is ModelState.LICENCE_NOT_ACCEPTED
        with pytest.raises(ConfigurationError, match="ACCEPT_MODEL_LICENSE=mine"):
            Registry(models_dir).require(manifest)

    def test_a_record_that_cannot_be_read(self, models_dir: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL, commercial_use=False))
        (models_dir / LICENCES_FILE).write_bytes(b"{")
        with pytest.raises(ConfigurationError, match=LICENCES_FILE):
            registry.accepted(registry.get("mine"))


def test_the_embedded_default_is_installed_too(onnx_models_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    shutil.copytree(onnx_models_dir, folder)
    registry = Registry(folder)
    for name in ("retinaface-mnet025", "dlib-resnet29-int8"):
        done = install(registry, name=name)
        assert (done.fetched, done.golden_recorded) == (False, False)
        assert verify(registry, registry.get(name)).problem is None
    (folder / "dlib-resnet29-int8.onnx").unlink()
    assert install(registry, name="dlib-resnet29-int8").fetched
    assert remove(registry, "dlib-resnet29-int8") == (folder / "dlib-resnet29-int8.onnx",)


def test_golden_values_in_the_manifest_win(models_dir: Path, tmp_path: Path) -> None:
    mine = manifest_of(MODEL)
    source = save(tmp_path, "m.onnx", MODEL)
    vector = Recogniser(mine, source)
    wrong = msgspec.structs.replace(mine, golden=tuple(float(number + 1) for number in range(16)))
    with pytest.raises(ConfigurationError, match="fails its check"):
        install(describe(models_dir, wrong), source=source)
    assert set(contents(models_dir)) == {"mine.toml"}
    install(describe(models_dir, mine), source=source)
    known = Registry(models_dir).golden_vector(mine)
    assert known is not None
    check_recogniser(vector, known)
