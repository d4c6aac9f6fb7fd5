"""Tokens for visitors: of one session, for a while, for so many searches."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from facepass.domain.access import Caller, CallerKind, Scope
from facepass.domain.errors import FieldError, InvalidRequest
from facepass.domain.gallery import SessionId

DEFAULT_TTL_S: Final = 3600
MAX_TTL_S: Final = 30 * 24 * 3600
MAX_SEARCHES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class SessionToken:
    """What a token says.

    Attributes:
        token_id: tells it from all others; no secret.
        session_id: where it may be used.
        max_searches: how many searches it is for; None for any number.
    """

    token_id: str
    session_id: SessionId
    issued_at: datetime
    expires_at: datetime
    max_searches: int | None = None

    def caller(self) -> Caller:
        """Whoever holds it: may search its session, look how far that is indexed, and see faces in live pictures."""
        return Caller(
            CallerKind.TOKEN,
            self.token_id,
            frozenset({Scope.SEARCH, Scope.DETECT}),
            self.session_id,
            self.expires_at,
            self.max_searches,
        )


def check_terms(ttl_s: int, max_searches: int | None) -> timedelta:
    """How long a token is to last, once that and its number of searches are in range.

    Raises:
        InvalidRequest: naming `ttl_s`, `max_searches` or both.
    """
    wrong = []
    if not 1 <= ttl_s <= MAX_TTL_S:
        wrong.append(FieldError("ttl_s", f"must be between 1 and {MAX_TTL_S}, is {ttl_s}"))
    if max_searches is not None and not 1 <= max_searches <= MAX_SEARCHES:
        wrong.append(FieldError("max_searches", f"must be between 1 and {MAX_SEARCHES}, is {max_searches}"))
    if wrong:
        raise InvalidRequest(*wrong)
    return timedelta(seconds=ttl_s)
