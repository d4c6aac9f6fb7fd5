"""Models after they were installed: every start and `verify` compare them with what is on record."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from facepass.adapters.onnx.recognition.embedding_model import OnnxEmbeddingModel
from facepass.adapters.onnx.registry.golden_record import golden_path
from facepass.adapters.onnx.registry.install import remove
from facepass.adapters.onnx.registry.registry import ModelState, Registry
from facepass.adapters.onnx.registry.verify import verify
from facepass.adapters.onnx.runtime.executor import InferenceExecutor
from facepass.domain.errors import ConfigurationError
from tests.unit.onnx.graphs import arcface_like, manifest_of, save, sha256
from tests.unit.onnx.installing import MODEL, contents, describe, install


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


class TestLaterStarts:
    @pytest.fixture
    def dropped(self, models_dir: Path) -> Registry:
        """A model that somebody put there by hand, with its manifest."""
        save(models_dir, "mine.onnx", MODEL)
        return describe(models_dir, manifest_of(MODEL))

    def test_what_was_dropped_there_runs_and_is_put_on_record(self, dropped: Registry) -> None:
        manifest = dropped.recogniser("mine")
        assert not verify(dropped, manifest).golden_known
        self.start(dropped)
        done = install(dropped)
        assert (done.fetched, done.golden_recorded) == (False, True)
        assert verify(dropped, manifest).golden_known
        self.start(dropped)

    def test_a_model_that_computes_something_else_does_not_start(self, dropped: Registry, models_dir: Path) -> None:
        install(dropped)
        path = golden_path(models_dir, "mine")
        record = msgspec.json.decode(path.read_bytes())
        record["golden"] = np.roll(record["golden"], 1).tolist()
        path.write_bytes(msgspec.json.encode(record))
        with pytest.raises(ConfigurationError, match="mine fails its check"):
            self.start(dropped)
        assert "fails its check" in str(verify(dropped, dropped.get("mine")).problem)

    def test_a_record_of_another_file_says_nothing(self, dropped: Registry, models_dir: Path) -> None:
        install(dropped)
        path = golden_path(models_dir, "mine")
        path.write_bytes(path.read_bytes().replace(sha256(MODEL).encode(), sha256(b"other").encode()))
        assert dropped.golden(dropped.get("mine")) is None

    def test_a_record_that_cannot_be_read_is_named(self, dropped: Registry, models_dir: Path) -> None:
        golden_path(models_dir, "mine").write_bytes(b"[]")
        with pytest.raises(ConfigurationError, match=r"mine\.golden\.json"):
            self.start(dropped)

    def test_a_model_that_has_learnt_nothing_does_not_start(self, models_dir: Path) -> None:
        model = arcface_like(constant=True)
        save(models_dir, "mine.onnx", model)
        with pytest.raises(ConfigurationError, match="learnt nothing"):
            self.start(describe(models_dir, manifest_of(model)))

    def test_damage_is_told_with_both_digests(self, dropped: Registry, models_dir: Path) -> None:
        save(models_dir, "mine.onnx", MODEL[:-1])
        verdict = verify(dropped, dropped.get("mine"))
        assert verdict.state is ModelState.DAMAGED
        assert sha256(MODEL) in str(verdict.problem)
        assert sha256(MODEL[:-1]) in str(verdict.problem)

    def test_it_is_removed_with_all_that_was_made_of_it(self, dropped: Registry, models_dir: Path) -> None:
        install(dropped, accept=True)
        removed = remove(dropped, "mine")
        assert {path.name for path in removed} == {"mine.onnx", "mine.toml", "mine.golden.json"}
        assert contents(models_dir) == {}

    @staticmethod
    def start(registry: Registry) -> None:
        workers = InferenceExecutor(threads=1)
        try:
            OnnxEmbeddingModel(registry=registry, name="mine", workers=workers, batch_max=4)
        finally:
            workers.close()
