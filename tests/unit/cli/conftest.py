import pytest

from facepass.entrypoints.client.local import LocalService
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.settings import Application, Settings
from tests.scenes import scene


@pytest.fixture
def settings(tmp_path):
    return Settings(application=Application(data_dir=tmp_path / "data"))


@pytest.fixture
def service(settings):
    return LocalService(in_memory(settings))


@pytest.fixture
def folder(tmp_path):
    """Two photos of person 1, one with person 2 too, one without faces."""
    root = tmp_path / "photos"
    root.mkdir()
    for name, people in {"a.jpg": (1,), "b.jpg": (1, 2), "c.jpg": ()}.items():
        (root / name).write_bytes(scene(*people))
    return root
