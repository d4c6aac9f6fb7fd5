"""Property 17 through HTTP: whatever is uploaded, the answer is a documented one."""

from typing import Any

import httpx
import pytest

from tests.hostile.corpus import FAMILIES
from tests.hostile.pieces import Outcome, blocks, encoded
from tests.integration.http.support import HEADERS, V1, api, counts, fresh, index, search

REFUSALS = {Outcome.REFUSED: (415, "unsupported_image"), Outcome.TOO_LARGE: (413, "payload_too_large")}
GOOD = encoded(blocks(), "PNG")


async def detect(client: httpx.AsyncClient, data: bytes) -> httpx.Response:
    return await client.post(f"{V1}/detect", headers=HEADERS, files={"file": ("photo.jpg", data, "image/jpeg")})


def fault(response: httpx.Response, documented: dict[str, Any], outcome: Outcome) -> str | None:
    """What is wrong with an answer, or None."""
    status = response.status_code
    if str(status) not in documented or status >= 500:
        return f"{status} {response.text[:200]}"
    if status >= 400 and response.headers["content-type"] != "application/problem+json":
        return f"{status} without a problem"
    if outcome in REFUSALS and (status, response.json()["code"]) != REFUSALS[outcome]:
        return f"{status}, not {REFUSALS[outcome]}"
    if outcome is Outcome.PICTURE and status in {413, 415}:
        return f"{status} for a picture"
    return None


@pytest.mark.property
@pytest.mark.parametrize("family", FAMILIES)
async def test_property_17_every_hostile_upload_gets_a_documented_answer(family: str) -> None:
    faults: list[str] = []
    options = {"real_decoder": True, "rate_limit_index": 0, "rate_limit_search": 0}
    async with api(**options) as client:
        container = fresh(**options)
        paths = (await client.get("/openapi.json")).json()["paths"]
        await index(client, "session", "good", GOOD)
        for name, data, outcome in FAMILIES[family]():
            answers = {
                "/detect": await detect(client, data),
                "/search": await search(client, "session", data),
                "/index": await index(client, "refused" if outcome in REFUSALS else "session", "p", data),
            }
            for path, response in answers.items():
                documented = paths[V1 + path]["post"]["responses"]
                if found := fault(response, documented, outcome):
                    faults.append(f"{path} {name}: {found}")
    assert not faults
    assert await counts(container, "refused") is None
