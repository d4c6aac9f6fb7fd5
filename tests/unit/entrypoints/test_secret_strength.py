"""What people type is refused, what machines make is let pass."""

import base64
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.entrypoints.production import LEAST, LEAST_OF_PASSWORDS
from facepass.entrypoints.secret_strength import PUBLISHED, Least, estimated_bits, weakness

SIGNING = LEAST["SECRET_KEY"]
ALPHABET = string.ascii_letters + string.digits


@pytest.mark.parametrize(
    "secret",
    [
        "changeme", "change-me-please-0123456789abcdefghij", "CHANGE_THIS_TO_A_LONG_RANDOM_STRING_9f8e7d",
        "secret", "password", "admin", "minioadmin", "postgres", "facepass", "test", "example", "root",
        "your-256-bit-secret", "your_secret_key_here_0123456789abcdef", "<your key of 32 characters or more>",
        "replace-with-something-long-and-random-4711", "${SECRET_KEY}", "$SECRET_KEY", "{{ lookup('secret') }}",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "a-key-for-tests", "super-secret-jwt-key-for-production-2024",
        "SuperSecretPassword123456", "P@ssw0rd!2024", "p4$$w0rd", "my-super-secret-signing-key-for-facepass!!",
        "insert-your-secret-here-ae34bf12cd90", *sorted(PUBLISHED),
    ],
)  # fmt: skip
def test_defaults_and_examples_are_refused_however_long(secret: str) -> None:
    for least in (SIGNING, LEAST_OF_PASSWORDS):
        assert weakness(secret, least) == "is a default, an example or nothing but words that are tried first"


@pytest.mark.parametrize(
    "secret",
    [
        "x" * 64, "0" * 64, "ab" * 32, "abc123" * 10, "0123456789abcdef" * 4, "1234567890" * 5, "qz" * 16 + "q",
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "9876543210fedcba9876543210fedcba",
        "aaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbcccccccccccccccccc",
    ],
)  # fmt: skip
def test_repetition_and_sequences_are_refused_however_long(secret: str) -> None:
    assert (
        weakness(secret, SIGNING)
        == "is easily guessed: it repeats itself, counts up or has too few different characters"
    )


@pytest.mark.parametrize("secret", ["#}~%)(&^*?|{<>'#", "жъюфщёэцйхыбчшям", "Kq#7}v~R2%mZ!x9)"])
def test_any_characters_make_a_password(secret: str) -> None:
    assert weakness(secret, LEAST_OF_PASSWORDS) is None


def test_what_is_short_is_told_how_long_it_must_be() -> None:
    assert weakness("k9Qz2vT7", SIGNING) == "has fewer than 32 characters"
    assert weakness("k9Qz2vT7", LEAST_OF_PASSWORDS) == "has fewer than 12 characters"


@given(st.binary(min_size=32, max_size=32))
def test_random_keys_pass_in_every_usual_spelling(key: bytes) -> None:
    # What hypothesis draws is not random: only keys whose bytes differ are like what a machine makes.
    if len(set(key)) < 24:
        return
    for spelling in (key.hex(), base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode().rstrip("=")):
        for least in (*LEAST.values(), LEAST_OF_PASSWORDS):
            assert weakness(spelling, least) is None


@pytest.mark.parametrize("least", [*LEAST.values(), LEAST_OF_PASSWORDS])
def test_machines_make_secrets_of_the_least_length_that_pass(least: Least) -> None:
    # a linear congruence stands for a generator: it has the frequencies of one, and gives the same in every run
    state, refused = 1, 0
    for _ in range(500):
        characters = []
        for _ in range(max(least.characters, 8)):
            state = (6364136223846793005 * state + 1442695040888963407) % 2**64
            characters.append(ALPHABET[(state >> 33) % len(ALPHABET)])
        refused += weakness("".join(characters), least) is not None
    assert refused == 0


@given(st.text(max_size=200))
def test_any_text_is_judged_in_words_that_do_not_show_it(text: str) -> None:
    problem = weakness(text, SIGNING)
    assert problem is None or len(text) <= 4 or text not in problem
    assert 0 <= estimated_bits(text) <= 21 * len(text)


def test_words_upon_words_do_not_keep_us() -> None:
    weakness("passwordpass" * 1000 + "x", SIGNING)
    assert weakness("password" * 1000, SIGNING) == "is a default, an example or nothing but words that are tried first"


def test_what_is_repeated_counts_once() -> None:
    assert estimated_bits("k9Qz2vT7" * 8) == estimated_bits("k9Qz2vT7") == 24
    assert estimated_bits("") == 0
    assert estimated_bits("aaaa1234dcba") < 14
