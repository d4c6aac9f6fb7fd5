"""From the old database's errors to ours. Nothing of the original text is kept: it can hold addresses and values."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from facepass.domain.errors import ConfigurationError, DependencyUnavailable, FacePassError

DEPENDENCY = "first_generation_database"

# SQLSTATE or its class (https://www.postgresql.org/docs/current/errcodes-appendix.html), the longer one wins
_WRONG = {
    "28": "the old database refuses the credentials of the DSN",
    "3D": "the old database does not exist: see the DSN",
    "3F": "the old database lets us create no table in the schema of face_embeddings",
    "42501": "the user of the DSN may not read face_embeddings, or may not create tables beside it",
    "25006": "the old database takes no writes: the copy of face_embeddings cannot be made there",
}
_PASSING = {
    "08": "the old database cannot be reached",
    "40": "the old database was too busy",
    "53": "the old database is out of connections, memory or disk space",
    "57": "the old database is shutting down or starting up",
    "57014": "the old database did not answer within the time limit",
    "55P03": "the old database did not answer within the time limit",
    "58": "the old database has trouble with its machine",
}


class ImportDisproved(FacePassError):
    """Counts that must be equal are not: faces would be lost or made up. A defect, not a caller's fault."""


@contextmanager
def vendor_errors() -> Iterator[None]:
    """Translate what the old database throws inside.

    Raises:
        ConfigurationError: the DSN names what is not there, or its user may too little.
        DependencyUnavailable: for all that waiting may cure.
    """
    try:
        yield
    except asyncpg.PostgresError as error:
        state = error.sqlstate or ""
        wrong, passing = _meaning(state, _WRONG), _meaning(state, _PASSING)
        if wrong is not None:
            raise ConfigurationError(wrong) from error
        if passing is not None:
            raise DependencyUnavailable(DEPENDENCY, passing) from error
        raise
    except TimeoutError as error:
        raise DependencyUnavailable(DEPENDENCY, _PASSING["57014"]) from error
    except (OSError, EOFError, asyncpg.InternalClientError) as error:
        raise DependencyUnavailable(DEPENDENCY, _PASSING["08"]) from error
    except asyncpg.InterfaceError as error:
        if "clos" not in str(error):  # the driver's word for a connection that is gone, which has no state of its own
            raise
        raise DependencyUnavailable(DEPENDENCY, _PASSING["08"]) from error


def _meaning(state: str, meanings: dict[str, str]) -> str | None:
    return next((meanings[state[:length]] for length in (5, 2) if state[:length] in meanings), None)
