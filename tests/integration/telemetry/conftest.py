import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from tests.fixtures_models import Pixels
from tests.integration.telemetry.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture(scope="session")
def portrait(orl: Callable[..., Pixels]) -> Callable[..., bytes]:
    """A JPEG of one person."""

    def jpeg(person: int, number: int = 1) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(orl(person, number, enlarge=2, border=60)).save(buffer, "JPEG", quality=90)
        return buffer.getvalue()

    return jpeg
