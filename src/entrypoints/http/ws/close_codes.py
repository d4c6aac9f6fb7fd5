"""Why a connection was closed: the codes (RFC 6455, 7.4; from 4000 on our own) and what each means to a client."""

from enum import Enum


class CloseCode(Enum):
    """A code with its meaning; `docs/websocket.md` shows them as they stand here."""

    NORMAL = 1000, "The longest life of a connection is over: connect again."
    UNSUPPORTED_DATA = 1003, "The first message was binary, where a credential was expected."
    POLICY_VIOLATION = 1008, "Far more messages than frames are looked at."
    TOO_BIG = 1009, "A message was longer than any frame may be, or than a credential may be before `ready`."
    INTERNAL = 1011, "Something went wrong here, or the client did not answer a ping."
    RESTART = 1012, "The service stops: connect again, to another replica or later."
    TRY_AGAIN_LATER = 1013, "Too many connections, or the database is out of reach: connect again later."
    UNAUTHORIZED = 4401, "The credential is missing, wrong, or no longer valid."
    FORBIDDEN = 4403, "The key lacks the scope `detect`."
    TIMED_OUT = 4408, "No credential, no frame, or answers that are not taken, for too long."
    RATE_LIMITED = 4429, "This key, token or address has connected, or failed to, too often."

    def __init__(self, number: int, meaning: str) -> None:
        self.number = number
        self.meaning = meaning


OF_PROBLEM = {
    "unauthorized": CloseCode.UNAUTHORIZED,
    "forbidden": CloseCode.FORBIDDEN,
    "rate_limited": CloseCode.RATE_LIMITED,
    "overloaded": CloseCode.TRY_AGAIN_LATER,
    "dependency_unavailable": CloseCode.TRY_AGAIN_LATER,
}
"""From the code of a problem that ends a connection; all others are `INTERNAL`."""


class Ended(Exception):
    """A connection is over.

    Attributes:
        code: to close it with; None where the client has left or nothing reaches it any more.
        reason: for whoever reads the client's log.
    """

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason
