"""API keys that are managed by the service: 256 bits of chance, kept only as a keyed digest.

A key reads `fp_<id>_<secret>`. `fp_<id>`, its prefix, names it in lists, logs and rate limits and is no secret; the
rest is shown once. What is stored is BLAKE2b (RFC 7693) of the whole key under a secret of the service's own: a stolen
database opens nothing, and without that secret a guess cannot be checked. Slow password hashing would add nothing:
there is nothing to guess about 256 random bits.
"""

import base64
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from facepass.domain.access import Caller, CallerKind, Scope
from facepass.domain.errors import FieldError, InvalidRequest

ID_BYTES: Final = 5
SECRET_BYTES: Final = 32
DIGEST_BYTES: Final = 32
MAX_NAME_LENGTH: Final = 100
"""Characters."""
MAX_LIFETIME_DAYS: Final = 3650

_SHAPE = re.compile(r"(fp_[a-z2-7]{8})_[A-Za-z0-9_-]{43}", re.ASCII)

RandomBytes = Callable[[int], bytes]
"""So many bytes that nobody can foresee, such as `secrets.token_bytes`."""


def new_key_text(random_bytes: RandomBytes) -> str:
    """A fresh key."""
    name = base64.b32encode(random_bytes(ID_BYTES)).decode().lower()
    secret = base64.urlsafe_b64encode(random_bytes(SECRET_BYTES)).decode().rstrip("=")
    return f"fp_{name}_{secret}"


def prefix_of(text: str) -> str | None:
    """The public part of what has the form of a key; None for anything else."""
    shaped = _SHAPE.fullmatch(text)
    return shaped[1] if shaped else None


def digest(text: str, secret: str) -> bytes:
    """What is kept of a key: `DIGEST_BYTES` of keyed BLAKE2b, the secret brought to its key size by BLAKE2b itself."""
    key = hashlib.blake2b(secret.encode(), person=b"facepass api key").digest()
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key, digest_size=DIGEST_BYTES).digest()


def check_name(name: str) -> None:
    """What a key is called by those who manage it.

    Raises:
        InvalidRequest: naming `name`.
    """
    if not 1 <= len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidRequest.field("name", f"must have 1 to {MAX_NAME_LENGTH} printable characters")


def check_scopes(names: tuple[str, ...]) -> frozenset[Scope]:
    """Scopes by their names.

    Raises:
        InvalidRequest: naming `scopes`; none, or one that does not exist.
    """
    known = ", ".join(Scope)
    if not names:
        raise InvalidRequest.field("scopes", f"must hold at least one of {known}")
    wrong = [FieldError("scopes", f"{name[:32]!r} is none of {known}") for name in names if name not in set(Scope)]
    if wrong:
        raise InvalidRequest(*wrong)
    return frozenset(Scope(name) for name in names)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is kept of a key.

    Attributes:
        prefix: names it, no secret.
        name: what those who manage it call it.
        digest: see `digest`.
        expires_at: from when it is no longer valid; None for never.
        revoked_at: since when it is not valid any more; None for not.
        last_used_at: to the minute; None for never.
    """

    prefix: str
    name: str
    scopes: frozenset[Scope]
    digest: bytes = field(repr=False)
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def ended_at(self) -> datetime | None:
        """When it stops being valid, or did; None for never."""
        ends = [moment for moment in (self.expires_at, self.revoked_at) if moment is not None]
        return min(ends, default=None)

    def is_valid(self, now: datetime) -> bool:
        """Whether it opens anything."""
        end = self.ended_at()
        return end is None or now < end

    def caller(self) -> Caller:
        """Whoever holds it."""
        return Caller(CallerKind.KEY, self.prefix, self.scopes, expires_at=self.expires_at)
