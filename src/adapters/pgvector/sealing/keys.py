"""Envelope encryption: every session has a data key, kept only wrapped under a key that the database never sees.

Erasing the wrapped key makes a session's templates unreadable, in backups too. A change of the operator's key wraps the
data keys again and leaves the templates as they are.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from facepass.adapters.pgvector.sealing.errors import SealBroken
from facepass.domain.errors import ConfigurationError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

# Each use of a key is a domain of its own: what was made for one is never taken for another.
_IDENTIFY = b"facepass wrapping key id v1\x00"
_WRAP = b"facepass data key v1\x00"
_KEY_ID_DIGITS = 16
_WRAPPED_BYTES = NONCE_BYTES + KEY_BYTES + TAG_BYTES
_HEX = re.compile(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{43}=?")
_TO_STANDARD = str.maketrans("-_", "+/")
_HOW_TO = (
    f'{KEY_BYTES} bytes as {2 * KEY_BYTES} hex digits or base64. Make one with: python -c "import secrets; '
    f'print(secrets.token_hex({KEY_BYTES}))"'
)


@dataclass(frozen=True, slots=True)
class DataKey:
    """What the templates of one session are sealed with.

    Attributes:
        secret: `KEY_BYTES` bytes; shown by no repr.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != KEY_BYTES:
            raise ValueError(f"a data key has {KEY_BYTES} bytes, not {len(self.secret)}")

    @classmethod
    def new(cls, random: Callable[[int], bytes]) -> Self:
        """A fresh key.

        Args:
            random: gives so many bytes that nobody can foresee, such as `secrets.token_bytes`.
        """
        return cls(random(KEY_BYTES))


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key as the database keeps it.

    Attributes:
        key_id: names the wrapping key; 16 hex digits.
        blob: nonce, encrypted data key and tag; `NONCE_BYTES + KEY_BYTES + TAG_BYTES` bytes.
    """

    key_id: str
    blob: bytes = field(repr=False)


class Keyring:
    """The operator's wrapping keys: the newest wraps, all of them unwrap."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Read the keys of ENCRYPTION_KEY.

        Args:
            keys: the newest first; each 32 bytes as 64 hex digits or as base64, standard or URL-safe, with or without
                its padding.

        Raises:
            ConfigurationError: there is none, or one is something else; never shows it.
        """
        if not keys:
            raise ConfigurationError(f"ENCRYPTION_KEY holds no key: it takes {_HOW_TO}")
        secrets_read = [_read(key, number, len(keys)) for number, key in enumerate(keys, start=1)]
        self._newest = _key_id(secrets_read[0])
        self._ciphers = {_key_id(secret): AESGCM(secret) for secret in secrets_read}

    @property
    def newest(self) -> str:
        """Id of the key that wraps."""
        return self._newest

    def __repr__(self) -> str:
        """Ids only."""
        return f"Keyring(key_ids={list(self._ciphers)})"

    def wrap(self, data_key: DataKey, *, context: bytes) -> WrappedKey:
        """Encrypt a data key under the newest wrapping key (AES-256-GCM, NIST SP 800-38D).

        Args:
            data_key: of the session.
            context: what the key belongs to, such as a digest of the session's id; needed again to unwrap.
        """
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._ciphers[self._newest].encrypt(nonce, data_key.secret, _WRAP + context)
        return WrappedKey(self._newest, nonce + sealed)

    def unwrap(self, wrapped: WrappedKey, *, context: bytes) -> DataKey:
        """The data key again.

        Raises:
            ConfigurationError: no key of ENCRYPTION_KEY has the id it was wrapped under; names that id.
            SealBroken: it was changed, or belongs to another context.
        """
        cipher = self._ciphers.get(wrapped.key_id)
        if cipher is None:
            raise ConfigurationError(
                f"ENCRYPTION_KEY lacks the key {wrapped.key_id}, under which a session's key is stored: add it after "
                "the newest"
            )
        if len(wrapped.blob) != _WRAPPED_BYTES:
            raise SealBroken(f"a session's key has {len(wrapped.blob)} bytes instead of {_WRAPPED_BYTES}")
        nonce, sealed = wrapped.blob[:NONCE_BYTES], wrapped.blob[NONCE_BYTES:]
        try:
            return DataKey(cipher.decrypt(nonce, sealed, _WRAP + context))
        except InvalidTag:
            raise SealBroken("a session's key was changed since it was stored, or belongs to another") from None

    def needs_rewrap(self, wrapped: WrappedKey) -> bool:
        """Whether it is under another key than the newest."""
        return wrapped.key_id != self._newest


def _key_id(secret: bytes) -> str:
    return hashlib.sha256(_IDENTIFY + secret).hexdigest()[:_KEY_ID_DIGITS]


def _read(key: str, number: int, count: int) -> bytes:
    text = key.strip()
    if _HEX.fullmatch(text):
        return bytes.fromhex(text)
    if _BASE64.fullmatch(text):
        return base64.b64decode(text.rstrip("=").translate(_TO_STANDARD) + "=", validate=True)
    which = "the key" if count == 1 else f"key {number} of {count}"
    raise ConfigurationError(f"ENCRYPTION_KEY: {which} is not {_HOW_TO}")
