"""From the database's errors to ours: what waiting may cure is unavailability, the rest is a fault of ours.

Nothing of the original text goes into the details: it can hold addresses, statements and values.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy import exc

from facepass.domain.errors import DependencyRefused, DependencyUnavailable

DEPENDENCY = "database"
UNREACHABLE = "the database cannot be reached"

# SQLSTATE or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html), the longer one wins
STATES = {
    "08": UNREACHABLE,
    "28": "the database refuses our credentials",
    "3D": "the database does not exist",
    "42P01": "the database has no tables yet: run the migrations",
    "42704": "the database has no pgvector yet: run the migrations",
    "53": "the database is out of connections, memory or disk space",
    "57": "the database is shutting down or starting up",
    "57014": "the database did not answer within the time limit",
    "55P03": "somebody else held what was needed in the database, beyond the time limit",
    "58": "the database has trouble with its machine",
    "25006": "the database takes no writes at the moment",
    "25P": "the database ended a transaction that took too long",
    "40": "the database was too busy to settle concurrent writes",
}


ANSWERS = ("25", "40", "42", "55", "57014")
"""Those that a database gives which is well, for all others: it was busy with this, or does not do it."""


class Unsettled(DependencyUnavailable):
    """The database broke off what may well succeed when it is done again from the start."""


class Contended(Unsettled, DependencyRefused):
    """It did so because others were at the same rows."""


def _meaning(error: BaseException) -> str | None:
    """What an error means to a caller; None where waiting does not help."""
    if isinstance(error, exc.DBAPIError) and isinstance(error.orig, BaseException):
        if error.connection_invalidated:
            return UNREACHABLE
        error = error.orig.__cause__ or error.orig
    state = getattr(error, "sqlstate", None)
    if isinstance(state, str):
        return next((STATES[state[:length]] for length in (5, 3, 2) if state[:length] in STATES), None)
    if isinstance(error, exc.TimeoutError):
        return "no database connection came free within the time limit"
    if isinstance(error, TimeoutError):
        return STATES["57014"]
    if isinstance(error, OSError | EOFError | asyncpg.InternalClientError) or is_closed(error):
        return UNREACHABLE
    return None


def _state(error: BaseException) -> str:
    """The SQLSTATE; empty without one."""
    if isinstance(error, exc.DBAPIError) and isinstance(error.orig, BaseException):
        error = error.orig.__cause__ or error.orig
    return str(getattr(error, "sqlstate", None) or "")


def _kind(error: BaseException) -> type[DependencyUnavailable]:
    """Whether it may succeed at once (serialisation failures, deadlocks, dead connections), and who else is hit."""
    state = _state(error)
    if is_lost_connection(error) or state.startswith(("08", "57P0")):
        return Unsettled
    if state.startswith("40"):
        return Contended
    if state.startswith(ANSWERS) or isinstance(error, exc.TimeoutError):
        return DependencyRefused  # a full pool says how busy we are, not how the database is
    return DependencyUnavailable


def is_closed(error: BaseException) -> bool:
    """Whether the driver says that the connection is gone, which has no SQLSTATE of its own."""
    return isinstance(error, asyncpg.InterfaceError) and "clos" in str(error)


def is_lost_connection(error: BaseException) -> bool:
    """Whether the connection itself died, so that the same statement may succeed on another one."""
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated
    return isinstance(error, ConnectionError) or is_closed(error)


@contextmanager
def vendor_errors() -> Iterator[None]:
    """Translate what the database throws inside.

    Raises:
        DependencyUnavailable: `database`, for all that waiting may cure; `Unsettled` where doing it again at once may.
    """
    try:
        yield
    except (
        exc.SQLAlchemyError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,  # a server that dies while the driver connects
        OSError,
        EOFError,
    ) as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise _kind(error)(DEPENDENCY, meaning) from error
