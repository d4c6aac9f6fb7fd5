from collections.abc import AsyncIterator

import httpx
import pytest

from facepass.entrypoints.container import Container
from tests.integration.http.support import api, fresh


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with api() as connected:
        yield connected


@pytest.fixture
def container(client: httpx.AsyncClient) -> Container:
    """Of the service that `client` calls, with nothing stored."""
    return fresh()
