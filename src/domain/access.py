"""Who calls, and what they may do: holders of API keys, visitors with a token of one session, and anybody."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from facepass.domain.errors import Forbidden
from facepass.domain.gallery import SessionId


class Scope(StrEnum):
    """What a key may be used for."""

    INDEX = "index"
    """Put photos into sessions, and look at what is kept of them."""
    DELETE = "delete"
    """Erase sessions, photos and people."""
    DETECT = "detect"
    """Look at pictures without storing anything."""
    SEARCH = "search"
    """Search every session, also where the public may not."""
    TOKEN = "token"  # noqa: S105 - a name, no secret
    """Give visitors tokens."""
    ADMIN = "admin"
    """Manage keys, and look at the service's inside. Whoever can make keys can make one for everything."""


class CallerKind(StrEnum):
    """How a caller is known."""

    ANYBODY = "anybody"
    KEY = "key"
    TOKEN = "token"  # noqa: S105 - a name, no secret


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever sent a request.

    Attributes:
        name: what logs and rate limits know the caller by: a key's public prefix, a token's id; no secret. Empty for
            anybody.
        scopes: what the caller may do.
        session_id: the one session a token is for; None where the caller is bound to none.
        expires_at: when the credential ends; None for never.
        max_searches: how many searches a token is for; None for any number.
    """

    kind: CallerKind
    name: str = ""
    scopes: frozenset[Scope] = frozenset()
    session_id: SessionId | None = None
    expires_at: datetime | None = None
    max_searches: int | None = None

    def require(self, scope: Scope) -> None:
        """Go on only with the scope.

        Raises:
            Forbidden: the caller does not have it.
        """
        if scope not in self.scopes:
            raise Forbidden(f"This {self.kind} may not be used for this: it lacks the scope `{scope}`.")

    def require_session(self, session_id: SessionId) -> None:
        """Go on only where the caller is bound to no other session.

        Raises:
            Forbidden: the caller's token is for another session.
        """
        if self.session_id is not None and self.session_id != session_id:
            raise Forbidden("This token is for another session.")


ANYBODY = Caller(CallerKind.ANYBODY)
"""Who shows no credential."""
