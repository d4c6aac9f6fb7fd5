"""Wrapping keys: how they are written, what they wrap, and how they are changed."""

import base64
import secrets
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.pgvector.sealing.errors import SealBroken
from facepass.adapters.pgvector.sealing.keys import DataKey, Keyring
from facepass.domain.errors import ConfigurationError

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
CONTEXT = b"digest of a session's id"
secrets_of_32 = st.binary(min_size=32, max_size=32)


def spellings(secret: bytes) -> list[str]:
    standard, urlsafe = base64.b64encode(secret).decode(), base64.urlsafe_b64encode(secret).decode()
    return [
        *(secret.hex(), secret.hex().upper(), f" {secret.hex()}\n"),
        *(standard, urlsafe, standard.rstrip("="), urlsafe.rstrip("=")),
    ]


@given(secrets_of_32, secrets_of_32, st.binary(max_size=64))
def test_every_spelling_of_a_key_is_the_same_key(secret: bytes, plain: bytes, context: bytes) -> None:
    rings = [Keyring([spelling]) for spelling in spellings(secret)]
    wrapped = [ring.wrap(DataKey(plain), context=context) for ring in rings]
    assert len({one.key_id for one in wrapped}) == 1
    assert [rings[0].unwrap(one, context=context).secret for one in wrapped] == [plain] * len(rings)


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "hunter2", "0" * 63, "0" * 65, "g" * 64, "é" * 64),
        *(base64.b64encode(bytes(31)).decode(), base64.b64encode(bytes(33)).decode()),
        *("A" * 42 + "==", "=" + "A" * 43, "A" * 43 + "==", "A" * 20 + " " + "A" * 22 + "="),
    ],
)
def test_anything_else_is_refused_unseen(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"key 2 of 2 is not 32 bytes as 64 hex digits or base64") as refused:
        Keyring([NEW.hex(), wrong])
    assert "secrets.token_hex(32)" in refused.value.detail
    assert not wrong or wrong not in refused.value.detail


def test_a_keyring_needs_a_key() -> None:
    with pytest.raises(ConfigurationError, match="holds no key"):
        Keyring([])


def test_a_key_id_is_the_same_for_ever() -> None:
    # stored beside every data key: another way of making it would orphan them all
    assert Keyring([OLD.hex()]).wrap(DataKey(NEW), context=CONTEXT).key_id == "5dca5dbdc5ed9159"


def test_rotation() -> None:
    data_key = DataKey.new(secrets.token_bytes)
    wrapped = Keyring([OLD.hex()]).wrap(data_key, context=CONTEXT)
    both = Keyring([NEW.hex(), OLD.hex()])
    assert both.unwrap(wrapped, context=CONTEXT) == data_key
    assert both.needs_rewrap(wrapped)

    again = both.wrap(both.unwrap(wrapped, context=CONTEXT), context=CONTEXT)
    assert not both.needs_rewrap(again)
    assert Keyring([NEW.hex()]).unwrap(again, context=CONTEXT) == data_key


def test_a_missing_key_is_named() -> None:
    wrapped = Keyring([OLD.hex()]).wrap(DataKey(NEW), context=CONTEXT)
    with pytest.raises(ConfigurationError, match=wrapped.key_id):
        Keyring([NEW.hex()]).unwrap(wrapped, context=CONTEXT)


@given(st.integers(0, 60 * 8 - 1))
def test_a_changed_bit_is_refused(bit: int) -> None:
    ring = Keyring([OLD.hex()])
    wrapped = ring.wrap(DataKey(NEW), context=CONTEXT)
    blob = bytearray(wrapped.blob)
    assert len(blob) == 60
    blob[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SealBroken, match="was changed"):
        ring.unwrap(replace(wrapped, blob=bytes(blob)), context=CONTEXT)


def test_a_key_of_another_session_is_refused() -> None:
    ring = Keyring([OLD.hex()])
    wrapped = ring.wrap(DataKey(NEW), context=CONTEXT)
    with pytest.raises(SealBroken, match="belongs to another"):
        ring.unwrap(wrapped, context=b"another session")


@pytest.mark.parametrize("length", [0, 12, 59, 61])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    ring = Keyring([OLD.hex()])
    wrapped = ring.wrap(DataKey(NEW), context=CONTEXT)
    with pytest.raises(SealBroken, match=f"{length} bytes instead of 60"):
        ring.unwrap(replace(wrapped, blob=(wrapped.blob * 2)[:length]), context=CONTEXT)


def test_wrapping_twice_gives_nothing_away() -> None:
    ring = Keyring([OLD.hex()])
    assert ring.wrap(DataKey(NEW), context=CONTEXT).blob != ring.wrap(DataKey(NEW), context=CONTEXT).blob


def test_nothing_secret_is_shown() -> None:
    ring = Keyring([OLD.hex()])
    wrapped = ring.wrap(DataKey(NEW), context=CONTEXT)
    assert repr(DataKey(NEW)) == "DataKey()"
    assert repr(wrapped) == f"WrappedKey(key_id='{wrapped.key_id}')"
    assert repr(ring) == f"Keyring(key_ids=['{wrapped.key_id}'])"


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_data_key_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match=f"not {length}"):
        DataKey.new(lambda _: bytes(length))
