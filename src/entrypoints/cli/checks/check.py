"""The outcome of one check."""

from enum import StrEnum

import msgspec


class State(StrEnum):
    """How things stand: `warn` works, but not as it should."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


class Check(msgspec.Struct, frozen=True):
    """One row of the report.

    Attributes:
        name: what was looked at.
        detail: what was found.
        remedy: what to do about it; None where nothing is to be done.
    """

    name: str
    state: State
    detail: str
    remedy: str | None = None


def ok(name: str, detail: str) -> Check:
    """All is well."""
    return Check(name, State.OK, detail)


def warn(name: str, detail: str, remedy: str) -> Check:
    """It works, but not as it should."""
    return Check(name, State.WARN, detail, remedy)


def fail(name: str, detail: str, remedy: str) -> Check:
    """The service cannot work like this."""
    return Check(name, State.FAIL, detail, remedy)
