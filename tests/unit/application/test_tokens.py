"""Session tokens: what they say, who made them, and how often they may be used."""

import base64
import json
from datetime import timedelta
from typing import Any

import jwt
import pytest
from dependency_injector import providers
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.jwt.session_tokens import MAX_TOKEN_CHARS, JwtSessionTokens
from facepass.domain.access import CallerKind, Scope
from facepass.domain.errors import Forbidden, InvalidRequest, Unauthorized
from facepass.domain.gallery import SessionId
from facepass.domain.session_token import SessionToken
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Settings
from tests.clocks import BEGIN, HandClock

GALA = SessionId("gala")
OLD, NEW = "o" * 32, "n" * 32
IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=255)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def container(clock: HandClock) -> Container:
    service = in_memory(Settings())
    service.clock.override(providers.Object(clock))
    return service


async def refused(tokens: JwtSessionTokens, text: str) -> None:
    with pytest.raises(Unauthorized, match="not valid"):
        await tokens.authenticate(text)


async def test_a_token_is_of_one_session_and_changes_nothing(container: Container) -> None:
    issued = container.issue_token()(GALA, ttl_s=60, max_searches=3)
    caller = await container.session_tokens().authenticate(issued.text)
    assert (caller.kind, caller.session_id, caller.scopes) == (
        CallerKind.TOKEN,
        GALA,
        {Scope.SEARCH, Scope.DETECT},
    )
    assert (caller.max_searches, caller.name) == (3, issued.token.token_id)
    assert issued.text not in repr(issued)


@given(IDS)
async def test_any_id_survives_in_a_token(session: str) -> None:
    tokens = JwtSessionTokens([NEW], clock=HandClock())
    token = SessionToken("t", SessionId(session), BEGIN, BEGIN + timedelta(seconds=9))
    text = tokens.sign(token)
    assert len(text) <= MAX_TOKEN_CHARS
    assert (await tokens.authenticate(text)).session_id == session


async def test_a_token_expires_by_our_clock(container: Container, clock: HandClock) -> None:
    issued = container.issue_token()(GALA, ttl_s=60)
    clock.pass_s(59.5)
    await container.session_tokens().authenticate(issued.text)
    clock.pass_s(0.5)
    with pytest.raises(Unauthorized, match="has expired"):
        await container.session_tokens().authenticate(issued.text)


@pytest.mark.parametrize(
    ("terms", "field"),
    [({"ttl_s": 0}, "ttl_s"), ({"ttl_s": 30 * 24 * 3600 + 1}, "ttl_s"), ({"max_searches": 0}, "max_searches")],
)
def test_terms_out_of_range_are_refused_by_name(container: Container, terms: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidRequest) as wrong:
        container.issue_token()(GALA, **terms)
    assert [error.field for error in wrong.value.errors] == [field]


async def test_secrets_can_be_exchanged_one_after_the_other() -> None:
    clock = HandClock()
    token = SessionToken("t", GALA, BEGIN, BEGIN + timedelta(hours=1))
    before, between, after = (JwtSessionTokens(secrets, clock=clock) for secrets in ([OLD], [NEW, OLD], [NEW]))
    for text in (before.sign(token), between.sign(token)):
        assert (await between.authenticate(text)).session_id == GALA
    await after.authenticate(between.sign(token))
    await refused(after, before.sign(token))
    await refused(before, between.sign(token))


def forged(claims: dict[str, Any], *, secret: str = NEW, **header: str) -> str:
    kid = jwt.get_unverified_header(JwtSessionTokens([NEW], clock=HandClock()).sign(_token()))["kid"]
    return jwt.encode(claims, secret, algorithm="HS256", headers={"kid": kid, **header})


def _token() -> SessionToken:
    return SessionToken("t", GALA, BEGIN, BEGIN + timedelta(hours=1))


def claims(**changed: Any) -> dict[str, Any]:
    now = int(BEGIN.timestamp())
    return {"iss": "facepass", "sub": "gala", "jti": "t", "iat": now, "exp": now + 60} | changed


async def test_only_what_we_would_have_signed_is_accepted() -> None:
    tokens = JwtSessionTokens([NEW], clock=HandClock())
    assert (await tokens.authenticate(forged(claims()))).session_id == GALA
    for wrong in (
        claims(iss="somebody"),
        claims(sub=""),
        claims(sub="x" * 256),
        claims(sub=7),
        claims(jti=7),
        claims(exp="soon"),
        claims(exp=1e300),
        claims(searches="many"),
        claims(searches=True),
        *({name: value for name, value in claims().items() if name != absent} for absent in claims()),
    ):
        try:
            await refused(tokens, forged(wrong))
        except TypeError:  # the library does not even sign it
            continue
    await refused(tokens, forged(claims(), secret=OLD))
    await refused(tokens, forged(claims(), kid="another"))


async def test_no_other_algorithm_is_accepted() -> None:
    tokens = JwtSessionTokens([NEW], clock=HandClock())
    header, body, _ = forged(claims()).split(".")
    kid = jwt.get_unverified_header(f"{header}.{body}.")["kid"]
    unsigned = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT", "kid": kid}).encode()).decode()
    await refused(tokens, f"{unsigned.rstrip('=')}.{body}.")
    await refused(tokens, jwt.encode(claims(), NEW * 2, algorithm="HS512", headers={"kid": kid}))


@given(st.text(max_size=200))
async def test_no_other_text_is_a_token(text: str) -> None:
    await refused(JwtSessionTokens([NEW], clock=HandClock()), text)


@given(st.integers(0, 400), st.characters(categories=["Lu", "Ll", "Nd"]))
async def test_a_changed_token_is_no_token(place: int, replaced: str) -> None:
    """Every sign counts, but for the last of a part, whose lowest bits stand for nothing in base64."""
    tokens = JwtSessionTokens([NEW], clock=HandClock())
    text = tokens.sign(_token())
    place %= len(text)
    changed = text[:place] + replaced + text[place + 1 :]
    if changed == text or text[place + 1 : place + 2] in {"", "."}:
        return
    await refused(tokens, changed)


async def test_a_text_without_end_is_refused_unread() -> None:
    await refused(JwtSessionTokens([NEW], clock=HandClock()), "a." * MAX_TOKEN_CHARS)


async def test_a_search_is_spent_once_and_others_cost_nothing(container: Container) -> None:
    limited = await container.session_tokens().authenticate(container.issue_token()(GALA, max_searches=2).text)
    free = await container.session_tokens().authenticate(container.issue_token()(GALA).text)
    for _ in range(2):
        await container.spend_search()(limited)
        await container.spend_search()(free)
    with pytest.raises(Forbidden, match="All 2 searches"):
        await container.spend_search()(limited)
    await container.spend_search()(free)


def test_no_two_tokens_are_the_same(container: Container) -> None:
    issue = container.issue_token()
    assert len({issue(GALA).token.token_id for _ in range(100)}) == 100
