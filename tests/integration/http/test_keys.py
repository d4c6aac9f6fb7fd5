"""Managing API keys over HTTP, and what each scope opens."""

from typing import Any

import httpx
import pytest

from facepass.domain.access import Scope
from facepass.entrypoints.container import Container
from tests.integration.http.support import HEADERS, V1, problem, scene, wrong_fields

KEYS = f"{V1}/keys"
NEEDED = {
    ("POST", "/index"): Scope.INDEX,
    ("POST", "/index/batch"): Scope.INDEX,
    ("GET", "/index/s/photos/p"): Scope.INDEX,
    ("DELETE", "/index/s"): Scope.DELETE,
    ("DELETE", "/index/s/photos/p"): Scope.DELETE,
    ("POST", "/index/s/forget"): Scope.DELETE,
    ("POST", "/detect"): Scope.DETECT,
    ("POST", "/compare"): Scope.DETECT,
    ("POST", "/tokens"): Scope.TOKEN,
    ("GET", "/keys"): Scope.ADMIN,
    ("POST", "/keys"): Scope.ADMIN,
    ("POST", "/keys/fp_aaaaaaaa/rotate"): Scope.ADMIN,
    ("DELETE", "/keys/fp_aaaaaaaa"): Scope.ADMIN,
}


async def new_key(client: httpx.AsyncClient, *scopes: str, **fields: Any) -> dict[str, Any]:
    body = {"name": "photo site", "scopes": list(scopes), **fields}
    response = await client.post(KEYS, headers=HEADERS, json=body)
    assert response.status_code == 200, response.text
    created: dict[str, Any] = response.json()
    return created


def shown(created: dict[str, Any]) -> dict[str, str]:
    return {"X-API-Key": created["secret"]}


@pytest.mark.parametrize(("method", "path"), NEEDED)
async def test_a_route_wants_its_scope_and_no_other_will_do(client: httpx.AsyncClient, method: str, path: str) -> None:
    needed = NEEDED[method, path]
    right = await new_key(client, needed)
    wrong = await new_key(client, *(scope for scope in Scope if scope is not needed))
    admitted = await client.request(method, V1 + path, headers=shown(right))
    assert admitted.status_code in {200, 400, 404}
    refused = problem(await client.request(method, V1 + path, headers=shown(wrong)), 403, "forbidden")
    assert f"`{needed}`" in refused["detail"]


async def test_the_store_in_numbers_is_for_any_key(client: httpx.AsyncClient) -> None:
    for scope in Scope:
        response = await client.get(f"{V1}/index/status", headers=shown(await new_key(client, scope)))
        assert response.status_code == 200


async def test_a_key_is_shown_once_and_listed_without_its_secret(client: httpx.AsyncClient) -> None:
    created = await new_key(client, "index", "search", expires_in_days=30)
    response = await client.get(KEYS, headers=HEADERS)
    assert created["secret"] not in response.text
    (listed,) = response.json()["keys"]
    assert listed == created["key"]
    assert listed["scopes"] == ["index", "search"]
    assert listed["valid"] is True
    assert listed["last_used_at"] is None


async def test_answers_that_hold_secrets_are_kept_by_nobody(client: httpx.AsyncClient) -> None:
    body = {"name": "n", "scopes": ["index"]}
    assert (await client.post(KEYS, headers=HEADERS, json=body)).headers["cache-control"] == "no-store"


async def test_a_key_is_replaced_and_revoked(client: httpx.AsyncClient) -> None:
    old = await new_key(client, "detect")
    prefix = old["key"]["prefix"]
    new = (await client.post(f"{KEYS}/{prefix}/rotate", headers=HEADERS, json={"grace_s": 3600})).json()
    for key in (old, new):
        detected = await client.post(f"{V1}/detect", headers=shown(key), files={"file": scene(1)})
        assert detected.status_code == 200
    revoked = (await client.delete(f"{KEYS}/{new['key']['prefix']}", headers=HEADERS)).json()
    assert (revoked["valid"], revoked["revoked_at"] is None) == (False, False)
    problem(await client.post(f"{KEYS}/{new['key']['prefix']}/rotate", headers=HEADERS, json={}), 409, "conflict")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"name", "scopes"}),
        ({"name": 1, "scopes": "index"}, {"name", "scopes"}),
        ({"name": "n", "scopes": ["everything"]}, {"scopes"}),
        ({"name": "n", "scopes": []}, {"scopes"}),
        ({"name": "", "scopes": ["index"]}, {"name"}),
        ({"name": "n", "scopes": ["index"], "expires_in_days": 0}, {"expires_in_days"}),
        ({"name": "n", "scopes": ["index"], "expires_in_days": True}, {"expires_in_days"}),
        ({"name": "n", "scopes": ["index"], "secret": "mine"}, {"secret"}),
        ([], {"body"}),
    ],
)
async def test_wrong_fields_are_named_and_no_key_is_made(
    client: httpx.AsyncClient, container: Container, body: Any, fields: set[str]
) -> None:
    assert wrong_fields(await client.post(KEYS, headers=HEADERS, json=body)) == fields
    assert await container.list_keys()() == []


async def test_unknown_keys_are_not_found(client: httpx.AsyncClient) -> None:
    for prefix in ("fp_aaaaaaaa", "%F0%9F%99%82", "..%2F.."):
        problem(await client.delete(f"{KEYS}/{prefix}", headers=HEADERS), 404, "not_found")
        problem(await client.post(f"{KEYS}/{prefix}/rotate", headers=HEADERS, json={}), 404, "not_found")
