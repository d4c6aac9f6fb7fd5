"""Keys: their form, what is kept of them, when they end."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain import api_key
from facepass.domain.access import ANYBODY, Caller, CallerKind, Scope
from facepass.domain.api_key import ApiKey
from facepass.domain.errors import Forbidden, InvalidRequest
from facepass.domain.gallery import SessionId

NOON = datetime(2026, 5, 16, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_a_key_is_drawn_from_so_many_random_bytes() -> None:
    asked: list[int] = []

    def random_bytes(number: int) -> bytes:
        asked.append(number)
        return b"\x00" * number

    text = api_key.new_key_text(random_bytes)
    assert asked == [5, 32]
    assert text == "fp_aaaaaaaa_" + 43 * "A"


def test_keys_differ_and_have_the_form_of_keys() -> None:
    texts = {api_key.new_key_text(secrets.token_bytes) for _ in range(200)}
    assert len(texts) == 200
    for text in texts:
        prefix = api_key.prefix_of(text)
        assert prefix is not None
        assert text.startswith(f"{prefix}_")


@given(st.text(max_size=80))
def test_other_texts_have_no_prefix(text: str) -> None:
    assert api_key.prefix_of(text) is None
    assert api_key.prefix_of(f"fp_aaaaaaaa_{text}") is None or len(text) == 43


@pytest.mark.parametrize(
    "text", ["fp_aaaaaaaa_" + 43 * "A" + "\n", "FP_aaaaaaaa_" + 43 * "A", "fp_aaaaaaa1_" + 43 * "A"]
)
def test_what_only_looks_like_a_key_has_no_prefix(text: str) -> None:
    assert api_key.prefix_of(text) is None


@given(
    st.text(max_size=100), st.text(max_size=100), st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100)
)
def test_a_digest_is_of_one_key_under_one_secret(one: str, other: str, secret: str, another: str) -> None:
    digest = api_key.digest(one, secret)
    assert len(digest) == api_key.DIGEST_BYTES
    assert digest == api_key.digest(one, secret)
    assert (digest == api_key.digest(other, secret)) is (one == other)
    assert (digest == api_key.digest(one, another)) is (secret == another)


def test_scopes_are_known_by_name() -> None:
    with pytest.raises(InvalidRequest):
        api_key.check_scopes(())
    with pytest.raises(InvalidRequest, match="'everything'"):
        api_key.check_scopes(("index", "everything"))
    assert api_key.check_scopes(("index", "search", "index")) == {Scope.INDEX, Scope.SEARCH}


@pytest.mark.parametrize("name", ["", "x" * 101, "two\nlines", "\x1b[31m"])
def test_a_name_is_one_printable_line(name: str) -> None:
    with pytest.raises(InvalidRequest):
        api_key.check_name(name)


@pytest.mark.parametrize(
    ("expires_at", "revoked_at", "valid"),
    [
        (None, None, True),
        (NOON + HOUR, None, True),
        (NOON, None, False),
        (None, NOON, False),
        (NOON + HOUR, NOON - HOUR, False),
        (NOON - HOUR, NOON + HOUR, False),
    ],
)
def test_a_key_is_valid_until_it_ends(expires_at: datetime | None, revoked_at: datetime | None, valid: bool) -> None:
    key = ApiKey("fp_aaaaaaaa", "n", frozenset({Scope.INDEX}), bytes(32), NOON - HOUR, expires_at, revoked_at)
    assert key.is_valid(NOON) is valid


def test_the_digest_does_not_show() -> None:
    key = ApiKey("fp_aaaaaaaa", "n", frozenset({Scope.INDEX}), b"\xab" * 32, NOON)
    assert "xab" not in repr(key)


def test_a_caller_may_what_its_scopes_say() -> None:
    caller = Caller(CallerKind.KEY, "fp_aaaaaaaa", frozenset({Scope.INDEX}))
    caller.require(Scope.INDEX)
    with pytest.raises(Forbidden, match="`delete`"):
        caller.require(Scope.DELETE)
    for scope in Scope:
        with pytest.raises(Forbidden):
            ANYBODY.require(scope)


def test_a_caller_of_one_session_may_not_enter_another() -> None:
    session = SessionId("gala")
    bound = Caller(CallerKind.TOKEN, "t", frozenset({Scope.SEARCH}), session)
    bound.require_session(session)
    ANYBODY.require_session(session)
    with pytest.raises(Forbidden):
        bound.require_session(SessionId("Gala"))
