"""Who may call a route, and what a call of it counts as: named by the routes, and written into their documentation."""

from dataclasses import dataclass
from enum import StrEnum

from facepass.application.ports import WorkKind
from facepass.domain.access import Scope


class Counted(StrEnum):
    """Kinds of calls that have a rate limit."""

    INDEX = "index"
    SEARCH = "search"
    STATUS = "status"
    DETECT = "detect"


@dataclass(frozen=True, slots=True)
class Access:
    """The option `access` of a route; without one anybody may call it, as often as they like.

    Attributes:
        scope: that the caller's key needs; None for any key.
        counted: what it counts as.
        searching: `SEARCH_ACCESS` decides whether a token will do as well, or nothing at all.
        tokens: a token will do as well.
        open_in_development: anybody may, except in production.
        work: what its pictures are looked at for; None where it brings none, or one after the other.
    """

    scope: Scope | None
    counted: Counted | None = None
    searching: bool = False
    tokens: bool = False
    open_in_development: bool = False
    work: WorkKind | None = None


INDEX = Access(Scope.INDEX, Counted.INDEX, work=WorkKind.INDEX)
LOOK_UP = Access(Scope.INDEX)
DELETE = Access(Scope.DELETE)
FORGET = Access(Scope.DELETE, Counted.INDEX, work=WorkKind.SEARCH)
DETECT = Access(Scope.DETECT, Counted.DETECT, work=WorkKind.DETECT)
LIVE = Access(Scope.DETECT, Counted.DETECT, tokens=True)
SEARCH = Access(Scope.SEARCH, Counted.SEARCH, searching=True, work=WorkKind.SEARCH)
STATUS = Access(Scope.SEARCH, Counted.STATUS, searching=True)
TOKEN = Access(Scope.TOKEN)
ADMIN = Access(Scope.ADMIN)
ANY_KEY = Access(None)
INSIDE = Access(None, open_in_development=True)
"""What tells of the service's inside."""
