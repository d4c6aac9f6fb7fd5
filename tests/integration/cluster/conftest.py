"""One cluster for all tests here, started as people start it: with the code of `deploy/local-cluster/up`."""

import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.fixtures_models import Pixels
from tests.integration.cluster.support import RATE_LIMIT_SEARCH, Cluster, Options, Portrait, haproxy, running


@pytest.fixture(scope="package")
def cluster(onnx_models_dir: Path) -> Iterator[Cluster]:
    """Three replicas and a worker. Everything is searched in memory, and not without a credential."""
    if haproxy() is None:
        pytest.skip("haproxy is not installed")
    folder = Path(tempfile.mkdtemp(prefix="facepass-cluster-"))
    folder.chmod(0o755)  # the database runs as another user when this one is root
    settings = {
        "DATABASE_SEARCH_MAX_FACES": "0",
        "SEARCH_ACCESS": "token",
        "RATE_LIMIT_INDEX": "0",
        "RATE_LIMIT_SEARCH": str(RATE_LIMIT_SEARCH),
    }
    options = Options(data_dir=folder, models_dir=onnx_models_dir, workers=1, port=0, settings=settings)
    try:
        with running(options) as started:
            yield started
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def portrait(orl: Callable[..., Pixels]) -> Portrait:
    """A JPEG of one person, the same bytes each time."""

    def jpeg(person: int) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(orl(person, 1, enlarge=2, border=60)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    return jpeg
