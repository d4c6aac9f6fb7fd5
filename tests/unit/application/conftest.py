"""Whole use cases on in-memory adapters, wired as the service wires them."""

import pytest

from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Recognition, Settings


@pytest.fixture
def container() -> Container:
    return in_memory(Settings(recognition=Recognition(ml_threads=1)))
