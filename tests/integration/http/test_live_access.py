"""Who may open a connection, by which way they show it, and what those are told who may not."""

import json
import re
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from dependency_injector import providers
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from facepass.domain.errors import DependencyUnavailable
from facepass.domain.rate import RateLimit
from facepass.entrypoints.container import Container
from facepass.entrypoints.http.access import Counted
from facepass.entrypoints.http.doorkeeper import FAILED_ATTEMPTS, Doorkeeper
from tests.integration.http.live_support import (
    PATHS,
    ask,
    ended,
    live_container,
    new_key,
    opened,
    serving,
    token_for,
    told,
)
from tests.integration.http.support import HEADERS, KEY, V1
from tests.integration.http.test_logging import configured, lines

pytestmark = pytest.mark.usefixtures("logging_as_before")

URL = PATHS[0]


async def refused(url: str, **options: Any) -> dict[str, Any]:
    """The problem that a handshake is answered with."""
    with pytest.raises(InvalidStatus) as refusal:
        await connect(url, **options)
    response = refusal.value.response
    problem: dict[str, Any] = json.loads(response.body or b"")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["X-Request-ID"] == problem["request_id"]
    assert response.status_code == problem["status"]
    assert problem["code"] in problem["type"]
    if problem["status"] == 401:
        assert response.headers["WWW-Authenticate"].startswith("ApiKey ")
    if problem["status"] == 429:
        assert int(response.headers["Retry-After"]) >= 1
    return problem


async def first(url: str, message: str | bytes) -> tuple[int, str]:
    """How a connection ends whose first message is this."""
    async with connect(url + URL) as socket:
        await socket.send(message)
        return await ended(socket)


def auth(**shown: str) -> str:
    return json.dumps({"type": "auth", **shown})


@pytest.mark.parametrize("path", PATHS)
async def test_a_key_or_token_in_a_header_opens(path: str) -> None:
    async with serving(live_container()) as url:
        for headers in (HEADERS, {"Authorization": f"Bearer {await token_for(url)}"}):
            async with opened(url, path, headers=headers) as socket:
                assert socket.subprotocol is None


async def test_a_key_or_token_among_the_subprotocols_opens_and_is_not_repeated() -> None:
    async with serving(live_container()) as url:
        for credential in (f"facepass.key.{await new_key(url, 'detect')}", f"facepass.token.{await token_for(url)}"):
            async with connect(url + URL, subprotocols=["facepass.v1", credential]) as socket:
                assert (await told(socket))["type"] == "ready"
                assert socket.subprotocol == "facepass.v1"
                assert socket.response is not None
                assert credential not in str(socket.response.headers)


async def test_a_key_or_token_in_the_first_message_opens() -> None:
    async with serving(live_container()) as url:
        for shown in ({"key": KEY}, {"token": await token_for(url)}, {"key": await new_key(url, "detect")}):
            async with connect(url + URL, subprotocols=["facepass.v1"]) as socket:
                assert (await ask(socket, type="auth", **shown))["type"] == "ready"


async def test_a_wrong_credential_in_the_handshake_is_refused_before_it_opens() -> None:
    async with serving(live_container()) as url:
        weak = await new_key(url, "index", "search")
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"additional_headers": {"X-API-Key": "wrong"}}, "unauthorized"),
            ({"additional_headers": {"Authorization": "Bearer wrong"}}, "unauthorized"),
            ({"additional_headers": [("X-API-Key", KEY), ("X-API-Key", KEY)]}, "unauthorized"),
            ({"subprotocols": ["facepass.v1", "facepass.key.wrong"]}, "unauthorized"),
            ({"subprotocols": ["facepass.v1", "facepass.token.wrong"]}, "unauthorized"),
            ({"subprotocols": ["facepass.v1", f"facepass.key.{KEY}"], "additional_headers": HEADERS}, "unauthorized"),
            ({"additional_headers": {"X-API-Key": weak}}, "forbidden"),
            ({"subprotocols": ["facepass.v1", f"facepass.key.{weak}"]}, "forbidden"),
        ]
        for options, code in wrong:
            assert (await refused(url + URL, **options))["code"] == code


async def test_a_wrong_first_message_closes() -> None:
    async with serving(live_container()) as url:
        wrong, weak = "wrong", await new_key(url, "index")
        messages: list[tuple[str | bytes, int]] = [
            (auth(key=wrong), 4401),
            (auth(token=wrong), 4401),
            (auth(key=KEY, token=wrong), 4401),
            (auth(), 4401),
            (auth(key=weak), 4403),
            (json.dumps({"type": "ping"}), 4401),
            (json.dumps({"type": "frame", "data": ""}), 4401),
            ("not JSON", 4401),
            (b"a picture", 1003),
        ]
        for message, code in messages:
            number, reason = await first(url, message)
            assert number == code, message
            assert reason
            assert wrong not in reason


async def test_who_says_nothing_is_closed() -> None:
    async with serving(live_container(limits={"auth_timeout_s": 0.05})) as url, connect(url + URL) as socket:
        assert (await ended(socket))[0] == 4408


async def test_what_does_not_belong_in_the_handshake_is_named() -> None:
    async with serving(live_container()) as url:
        problem = await refused(f"{url}{URL}?token=abc", additional_headers=HEADERS)
        assert [error["field"] for error in problem["errors"]] == ["query"]
        assert "abc" not in json.dumps(problem)
        problem = await refused(url + URL, subprotocols=["graphql-ws"])
        assert [error["field"] for error in problem["errors"]] == ["Sec-WebSocket-Protocol"]


async def test_other_addresses_take_no_websocket_and_this_one_no_request() -> None:
    async with serving(live_container()) as url:
        assert (await refused(f"{url}/nowhere"))["code"] == "not_found"
        assert (await refused(f"{url}{URL}/"))["code"] == "not_found"
        assert (await refused(f"{url}{V1}/search"))["status"] == 400
        async with httpx.AsyncClient(base_url=url.replace("ws:", "http:")) as client:
            response = await client.get(URL)
    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert (response.headers["allow"], response.headers["upgrade"]) == ("", "websocket")


async def test_wrong_credentials_are_counted_by_address_however_they_come() -> None:
    async with serving(live_container()) as url:
        for _ in range(FAILED_ATTEMPTS.most // 2):
            await refused(url + URL, additional_headers={"X-API-Key": "wrong"})
            assert (await first(url, auth(key="wrong")))[0] == 4401
        assert (await refused(url + URL, additional_headers={"X-API-Key": "wrong"}))["code"] == "rate_limited"
        assert (await first(url, auth(key="wrong")))[0] == 4429
        async with opened(url):
            pass


def counting(container: Container, limit: RateLimit) -> Container:
    container.doorkeeper.override(
        providers.Object(
            Doorkeeper(
                keys=container.key_authenticator(),
                tokens=container.session_tokens(),
                limiter=container.rate_limiter(),
                limits={**dict.fromkeys(Counted), Counted.DETECT: limit},
                search_access="public",
                production=False,
            )
        )
    )
    return container


async def test_connections_are_counted_like_calls() -> None:
    async with serving(counting(live_container(), RateLimit(2, 60.0))) as url:
        for _ in range(2):
            async with opened(url):
                pass
        assert (await refused(url + URL, additional_headers=HEADERS))["code"] == "rate_limited"
        assert (await first(url, auth(key=KEY)))[0] == 4429


class Away:
    """Knows no key, for its database is out of reach."""

    async def authenticate(self, credential: str) -> Any:
        raise DependencyUnavailable("database", "The database does not answer.")


async def test_nobody_is_let_in_while_the_database_is_out_of_reach() -> None:
    stream = configured(log_format="json")
    container = live_container()
    container.key_authenticator.override(providers.Object(Away()))
    async with serving(container) as url:
        assert (await refused(url + URL, additional_headers=HEADERS))["code"] == "dependency_unavailable"
        assert (await first(url, auth(key=KEY)))[0] == 1013
    assert [line["event"] for line in lines(stream)].count("dependency_unavailable") == 2


async def test_further_connections_are_told_to_come_back() -> None:
    async with serving(live_container(limits={"max_connections": 1})) as url:
        async with opened(url), connect(url + URL, additional_headers=HEADERS) as second:
            assert (await ended(second))[0] == 1013
        async with opened(url):
            pass


async def test_one_token_has_few_connections_and_takes_none_from_others() -> None:
    async with serving(live_container(limits={"max_connections_of_token": 1})) as url:
        headers = {"Authorization": f"Bearer {await token_for(url)}"}
        async with opened(url, headers=headers):
            async with connect(url + URL, additional_headers=headers) as second:
                assert (await ended(second))[0] == 1013
            async with opened(url), opened(url, headers={"Authorization": f"Bearer {await token_for(url)}"}):
                pass


@pytest.mark.parametrize("limits", [{"max_strangers": 1}, {"max_strangers_of_address": 1}])
async def test_strangers_are_few_and_keep_nobody_out_who_is_known(limits: dict[str, int]) -> None:
    async with serving(live_container(limits=limits)) as url, AsyncExitStack() as stack:
        waiting = await stack.enter_async_context(connect(url + URL))
        second = await stack.enter_async_context(connect(url + URL))
        assert (await ended(second))[0] == 1013
        await stack.enter_async_context(opened(url))
        assert (await ask(waiting, type="auth", key=KEY))["type"] == "ready"


async def test_lines_hold_no_credential_and_each_refusal_has_its_own() -> None:
    stream = configured(log_format="json", log_level="DEBUG")
    async with serving(live_container()) as url:
        key, token = await new_key(url, "detect"), await token_for(url)
        for credential in (f"facepass.key.{key}", f"facepass.token.{token}"):
            async with connect(url + URL, subprotocols=["facepass.v1", credential]):
                pass
        async with connect(url + URL) as socket:
            await ask(socket, type="auth", key=key)
        await refused(url + URL, subprotocols=["facepass.v1", f"facepass.key.{key[:-1]}"])
        await refused(f"{url}{URL}?key={key}")
        assert (await first(url, auth(key=f"{key[:-1]}")))[0] == 4401
        assert (await first(url, auth(unknown=key)))[0] == 4401
    text = stream.getvalue()
    assert KEY not in text
    assert token not in text
    assert key.split("_", 2)[2][:-1] not in text  # the secret, which may hold underscores itself
    sockets = [line for line in lines(stream) if line.get("method") == "WS"]
    shown = [(line["status"], line.get("close_code"), line.get("problem")) for line in sockets]
    assert shown == [
        (101, 1000, None),
        (101, 1000, None),
        (101, 1000, None),
        (401, None, "unauthorized"),
        (400, None, "invalid_request"),
        (101, 4401, "unauthorized"),
        (101, 4401, None),
    ]


TOKEN_CHARACTERS = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
"""What a subprotocol may consist of (RFC 6455, 4.1; `token` of RFC 9110)."""


async def test_keys_and_tokens_of_ours_can_be_subprotocols() -> None:
    async with serving(live_container()) as url:
        for credential in (await new_key(url, "detect"), await token_for(url, session_id="ü/ \N{GRINNING FACE}" * 40)):
            assert TOKEN_CHARACTERS.fullmatch(credential)
            assert len(credential) < 8000
