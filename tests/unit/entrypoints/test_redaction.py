"""No secret survives in text that is shown, however it was quoted; everything else does."""

import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.entrypoints.redaction import LEAST_CHARACTERS, Redaction

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=LEAST_CHARACTERS, max_size=60)


@given(secret=TEXT, before=st.text(max_size=20), after=st.text(max_size=20))
def test_a_known_secret_goes_in_whatever_spelling(secret: str, before: str, after: str) -> None:
    redact = Redaction([secret])
    for spelt in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret), quote(secret, "")):
        assert secret not in redact(f"{before}{spelt}{after}")
        assert redact(f"[{spelt}]") in {"[***]", '["***"]', "['***']"}


@given(st.text(st.characters(exclude_characters=":"), max_size=100))
def test_other_text_is_left_as_it_is(text: str) -> None:
    if "eyJ" not in text:
        assert Redaction(["a-secret-that-is-nowhere-else"])(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://u:pass@h:5/d", "postgresql://u:***@h:5/d"),
        ("redis://:pass@h/0", "redis://:***@h/0"),
        ("at 'https://a:b@h' and http://c:d@i/", "at 'https://a:***@h' and http://c:***@i/"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("http://127.0.0.1:8000/docs", "http://127.0.0.1:8000/docs"),
        ("http://h:1/a@b", "http://h:1/a@b"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is not", "Bearer *** is not"),
        ("eyJ is no token", "eyJ is no token"),
    ],
)
def test_passwords_of_addresses_and_web_tokens_go_whosever_they_are(text: str, shown: str) -> None:
    assert Redaction()(text) == shown


def test_the_longer_of_two_secrets_goes_whole() -> None:
    short, long = "a-secret-of-twenty-4", "a-secret-of-twenty-4-and-more"
    assert Redaction([short, long])(f"{long} {short}") == "*** ***"


def test_what_is_too_short_to_be_a_secret_stays_a_word() -> None:
    assert Redaction(["facepass", ""])("facepass.access") == "facepass.access"
