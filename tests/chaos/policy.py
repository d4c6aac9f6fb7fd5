"""The written policy, as the script checks it: `docs/outages.md` says the same in words."""

from dataclasses import dataclass

from tests.chaos.proxy import Fault
from tests.chaos.traffic import EVERY_S

OK, UNAVAILABLE = 200, 503
RECOVERY_S = 5.0
"""Longest, from the return of a dependency until every kind of call succeeds again."""
USUAL_SHARE = 0.6
"""Of the calls in a fault: the others came before the breaker had opened, or looked for all."""
BUSY_S = 1.5
"""What a busy machine may add to anything: searching and indexing take some tenths of a second there."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What callers may see of one operation during one fault.

    Attributes:
        statuses: no others.
        longest_s: that any of them waits.
        usual_s: that most (`USUAL_SHARE`) wait no longer than: after a breaker has opened, waiting is over.
        health: that `/health/ready` says; empty for the other operations.
    """

    statuses: frozenset[int]
    longest_s: float
    usual_s: float
    health: str = ""


def _goes_on(extra_s: float = 0.0) -> Expected:
    return Expected(frozenset({OK}), BUSY_S + extra_s, BUSY_S)


def _refused(longest_s: float, usual_s: float = 0.0) -> Expected:
    return Expected(frozenset({UNAVAILABLE}), BUSY_S + longest_s, BUSY_S + usual_s)


def _health(said: str, longest_s: float) -> Expected:
    status = UNAVAILABLE if said == "unhealthy" else OK
    return Expected(frozenset({status}), BUSY_S + longest_s, BUSY_S + longest_s, said)


_LIVE = Expected(frozenset({OK}), BUSY_S, BUSY_S)
PING_S = 2.0
"""For the question whether a dependency is back."""
STATEMENT_S = 6.0
"""`DB_TIMEOUT_S` and a second for the server to say so itself."""
SILENCE_S = 6.0
"""Of the photo store, between two packets."""
OPTIONAL_S = 0.5
"""That health waits for what the service can do without."""
CALL_S = 0.5
"""For a call to Redis."""


def _without_database(longest_s: float) -> dict[str, Expected]:
    refused = _refused(longest_s, min(longest_s, PING_S))
    return {
        "search": refused,
        "upload": refused,
        "s3_key": refused,
        "health": _health("unhealthy", PING_S),
        "live": _LIVE,
    }


def _without_photos(s3_key: Expected) -> dict[str, Expected]:
    return {
        "search": _goes_on(),
        "upload": _goes_on(),
        "s3_key": s3_key,
        "health": _health("degraded", OPTIONAL_S),
        "live": _LIVE,
    }


_WITHOUT_REDIS = {
    "search": _goes_on(CALL_S),
    "upload": _goes_on(CALL_S),
    "s3_key": _goes_on(CALL_S),
    "health": _health("degraded", OPTIONAL_S),
    "live": _LIVE,
}
_SLOW_DATABASE = {
    **{
        operation: Expected(frozenset({OK, UNAVAILABLE}), BUSY_S + 5 * STATEMENT_S, BUSY_S + 2 * STATEMENT_S)
        for operation in ("search", "upload", "s3_key")
    },
    "health": _health("unhealthy", PING_S),
    "live": _LIVE,
}

POLICY: dict[tuple[str, Fault], dict[str, Expected]] = {
    ("database", Fault.STOPPED): _without_database(1.0),
    ("database", Fault.SLOW): _SLOW_DATABASE,
    ("database", Fault.CUT): _without_database(STATEMENT_S),
    ("photos", Fault.STOPPED): _without_photos(_refused(2.0)),
    # Answers that take 5 s are answers: they hold up nobody but who waits for them. Some meet a store that has closed
    # its idle connection meanwhile, time and again.
    ("photos", Fault.SLOW): _without_photos(
        Expected(frozenset({OK, UNAVAILABLE}), BUSY_S + 3 * SILENCE_S, BUSY_S + SILENCE_S)
    ),
    # once more where the store hung up first: on an idle connection
    ("photos", Fault.CUT): _without_photos(_refused(2 * SILENCE_S, PING_S)),
    ("redis", Fault.STOPPED): _WITHOUT_REDIS,
    ("redis", Fault.SLOW): _WITHOUT_REDIS,
    ("redis", Fault.CUT): _WITHOUT_REDIS,
}

assert all(expected.keys() == EVERY_S.keys() for expected in POLICY.values())
