"""Session tokens over HTTP: handed out by whoever has the scope, of use in one session only."""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import httpx
import jwt
import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.domain.access import Scope
from facepass.domain.gallery import SessionId
from facepass.entrypoints.container import Container
from facepass.entrypoints.http.app import create_app
from tests.clocks import HandClock
from tests.integration.http.support import (
    HEADERS,
    V1,
    api,
    fresh,
    index,
    memory_container,
    problem,
    scene,
    wrong_fields,
)

TOKENS = f"{V1}/tokens"
ACCESS = ["public", "token", "key"]
ADMITTED = -1


async def new_token(client: httpx.AsyncClient, session_id: str, **terms: int) -> dict[str, str]:
    response = await client.post(TOKENS, headers=HEADERS, json={"session_id": session_id, **terms})
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['token']}"}


async def search(client: httpx.AsyncClient, session_id: str, headers: dict[str, str]) -> httpx.Response:
    return await client.post(
        f"{V1}/search", headers=headers, data={"session_id": session_id}, files={"file": ("me.jpg", scene(1))}
    )


@pytest.fixture
async def closed() -> AsyncIterator[httpx.AsyncClient]:
    async with api(search_access="token") as client:
        await index(client, "gala", "p", scene(1))
        await index(client, "wedding", "p", scene(1))
        yield client


async def test_a_token_opens_its_session_and_no_other(closed: httpx.AsyncClient) -> None:
    token = await new_token(closed, "gala")
    assert (await search(closed, "gala", token)).json()["total_matches"] == 1
    assert (await closed.get(f"{V1}/search/status/gala", headers=token)).status_code == 200
    problem(await search(closed, "wedding", token), 403, "forbidden")
    problem(await closed.get(f"{V1}/search/status/wedding", headers=token), 403, "forbidden")
    problem(await search(closed, "gala", {}), 401, "unauthorized")


async def test_what_is_handed_out(closed: httpx.AsyncClient) -> None:
    response = await closed.post(TOKENS, headers=HEADERS, json={"session_id": "gala", "ttl_s": 60, "max_searches": 2})
    body = response.json()
    assert response.headers["cache-control"] == "no-store"
    assert (body["session_id"], body["max_searches"]) == ("gala", 2)
    header = jwt.get_unverified_header(body["token"])
    assert (header["alg"], header["typ"], len(header["kid"])) == ("HS256", "JWT", 16)


async def test_a_token_is_for_so_many_searches(closed: httpx.AsyncClient) -> None:
    token = await new_token(closed, "gala", max_searches=2)
    blank = {"data": {"session_id": "gala"}, "headers": token}
    problem(await closed.post(f"{V1}/search", **blank, files={"other": b"x"}), 400, "invalid_request")  # type: ignore[arg-type]  # keywords of httpx
    for _ in range(2):
        assert (await search(closed, "gala", token)).status_code == 200
    problem(await search(closed, "gala", token), 403, "forbidden")
    assert (await closed.get(f"{V1}/search/status/gala", headers=token)).status_code == 200


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"session_id"}),
        ({"session_id": ""}, {"session_id"}),
        ({"session_id": "s", "ttl_s": 0, "max_searches": 0}, {"ttl_s", "max_searches"}),
        ({"session_id": "s", "ttl_s": "60"}, {"ttl_s"}),
        ({"session_id": "s", "ttl_s": 1.5}, {"ttl_s"}),
        ({"session_id": "s", "scope": "admin"}, {"scope"}),
    ],
)
async def test_wrong_terms_are_named(client: httpx.AsyncClient, body: dict[str, Any], fields: set[str]) -> None:
    assert wrong_fields(await client.post(TOKENS, headers=HEADERS, json=body)) == fields


async def test_a_wrong_token_is_refused_also_where_none_is_needed(client: httpx.AsyncClient) -> None:
    await index(client, "gala", "p", scene(1))
    assert (await search(client, "gala", {})).status_code == 200
    response = await search(client, "gala", {"Authorization": "Bearer wrong"})
    problem(response, 401, "unauthorized")
    assert 'Bearer realm="facepass"' in response.headers["www-authenticate"]


async def test_a_proxys_own_authentication_is_none_of_ours(client: httpx.AsyncClient) -> None:
    await index(client, "gala", "p", scene(1))
    assert (await search(client, "gala", {"Authorization": "Basic dTpw"})).status_code == 200


async def test_two_credentials_are_none(closed: httpx.AsyncClient) -> None:
    token = await new_token(closed, "gala")
    problem(await search(closed, "gala", {**token, **HEADERS}), 401, "unauthorized")


async def test_a_key_with_the_scope_searches_every_session(closed: httpx.AsyncClient) -> None:
    body = {"name": "kiosk", "scopes": ["search"]}
    key = {"X-API-Key": (await closed.post(f"{V1}/keys", headers=HEADERS, json=body)).json()["secret"]}
    for session_id in ("gala", "wedding"):
        assert (await search(closed, session_id, key)).status_code == 200
    async with api(search_access="key") as client:
        await index(client, "gala", "p", scene(1))
        problem(await search(client, "gala", await new_token(client, "gala")), 403, "forbidden")


IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)


@pytest.mark.property
@given(own=IDS, others=st.lists(IDS, max_size=4), access=st.sampled_from(ACCESS))
@settings(max_examples=60)
async def test_property_21_a_token_does_nothing_in_another_session(own: str, others: list[str], access: str) -> None:
    """Neither an id that differs in case or form, nor one that begins alike."""
    container = fresh(search_access=access)
    async with api(search_access=access) as client:
        token = {"Authorization": f"Bearer {container.issue_token()(SessionId(own)).text}"}
        for other in {own.upper(), own + " ", own[:-1], own * 2, *others} - {own, ""}:
            problem(await search(client, other, token), 403, "forbidden")


@dataclass(frozen=True)
class Shown:
    """A credential, and what the test knows of it."""

    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "nothing"
    scopes: frozenset[Scope] = frozenset()
    session: str | None = None


ROUTES: dict[tuple[str, str], Scope | None] = {
    ("GET", "/search/status/{session}"): None,
    ("POST", "/search"): None,
    ("GET", "/index/{session}/photos/p"): Scope.INDEX,
    ("POST", "/index/batch"): Scope.INDEX,
    ("DELETE", "/index/{session}/photos/nothing"): Scope.DELETE,
    ("POST", "/index/{session}/forget"): Scope.DELETE,
    ("POST", "/detect"): Scope.DETECT,
    ("POST", "/tokens"): Scope.TOKEN,
    ("GET", "/keys"): Scope.ADMIN,
}


def expected(shown: Shown, scope: Scope | None, session: str, access: str) -> int:
    """What the rules say, written down a second time and in another way."""
    searching = scope is None
    match shown.kind:
        case "wrong":
            return 401
        case "nothing":
            return ADMITTED if searching and access == "public" else 401
        case "token":
            return ADMITTED if searching and access != "key" and shown.session == session else 403
        case _:
            open_to_all = searching and access == "public"
            return ADMITTED if open_to_all or (scope or Scope.SEARCH) in shown.scopes else 403


async def credentials(container: Container, clock: HandClock, sessions: list[str]) -> list[Shown]:
    """Keys of all kinds and of none, tokens of every session, and what is no longer or was never valid."""
    shown = [Shown(), Shown({"X-API-Key": "nobody's"}, "wrong"), Shown({"Authorization": "Bearer x.y.z"}, "wrong")]
    for number in range(3):
        for scopes in combinations(Scope, number):
            if scopes:
                text = (await container.create_key()(name="k", scopes=frozenset(scopes), lifetime=None)).text
                shown.append(Shown({"X-API-Key": text}, "key", frozenset(scopes)))
                shown.append(Shown({"X-API-Key": text[:-1] + "_"}, "wrong"))
    revoked = await container.create_key()(name="k", scopes=frozenset(Scope), lifetime=None)
    await container.revoke_key()(revoked.key.prefix)
    shown.append(Shown({"X-API-Key": revoked.text}, "wrong"))
    stale = container.issue_token()(SessionId(sessions[0]), ttl_s=1).text
    clock.pass_s(1)
    shown.append(Shown({"Authorization": f"Bearer {stale}"}, "wrong"))
    for session in sessions:
        text = container.issue_token()(SessionId(session)).text
        shown.append(Shown({"Authorization": f"Bearer {text}"}, "token", session=session))
        foreign = jwt.encode(jwt.decode(text, options={"verify_signature": False}), "f" * 32, algorithm="HS256")
        shown.append(Shown({"Authorization": f"Bearer {foreign}"}, "wrong"))
    return shown


async def ask(client: httpx.AsyncClient, method: str, path: str, session: str, headers: dict[str, str]) -> int:
    content: dict[str, Any] = {}
    if path == "/search":
        content = {"data": {"session_id": session}, "files": {"file": ("me.jpg", scene(1))}}
    elif path == "/tokens":
        content = {"json": {"session_id": session}}
    response = await client.request(method, V1 + path.format(session=session), headers=headers, **content)
    return response.status_code


@pytest.mark.parametrize("access", ACCESS)
async def test_ten_thousand_combinations_and_not_one_wrong_admission(access: str) -> None:
    container, clock = memory_container(search_access=access, rate_limit_index=0, rate_limit_search=0), HandClock()
    container.clock.override(providers.Object(clock))
    transport = httpx.ASGITransport(create_app(container))  # type: ignore[arg-type]  # Litestar's own ASGI types
    sessions = ["gala", "Gala", "gala2", "wedding", "ü"]
    chance = random.Random(5)  # noqa: S311 - the same combinations in every run
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        for session in sessions:
            await index(client, session, "p", scene(1))
        shown = await credentials(container, clock, sessions)
        wrong: list[str] = []
        for number in range(3_400):
            transport.client = (f"10.{number >> 14}.{number >> 7 & 127}.{number & 127}", 1)
            one, session = chance.choice(shown), chance.choice(sessions)
            (method, path), scope = chance.choice(list(ROUTES.items()))
            got, right = await ask(client, method, path, session, one.headers), expected(one, scope, session, access)
            refused = got if got in {401, 403, 429} else ADMITTED
            if refused != right or got >= 500:
                wrong.append(f"{method} {path} {session} {one.kind} {one.scopes} {one.session}: {got}, not {right}")
        assert wrong == []
