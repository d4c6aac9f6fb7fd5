"""Whether the database answers and fits."""

from collections.abc import AsyncIterator, Callable

from facepass.domain.errors import FacePassError
from facepass.entrypoints.cli.checks.check import Check, fail, ok
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.upkeep import database_facts, embedded_state

NAME = "database"


async def checks(settings: Settings, progress: Callable[[str], None]) -> AsyncIterator[Check]:
    """All of them. An embedded database that does not run is left alone, and said to be so."""
    if settings.database.is_embedded:
        state = embedded_state(settings)
        if state == "missing":
            yield ok(NAME, "embedded, not created yet: the first command that needs it does")
            return
        if state == "stopped":
            yield ok(NAME, "embedded, stopped: it runs while a command or the service needs it. Not started for this")
            return
    try:
        facts = await database_facts(settings, progress=progress)
    except FacePassError as error:
        yield fail(NAME, error.detail, _remedy(settings))
        return
    where = "embedded, running" if settings.database.is_embedded else "reached"
    yield ok(NAME, f"{where}, PostgreSQL {facts.postgresql}")
    if facts.pgvector is None:
        yield fail("pgvector", "not installed in the database", "facepass db upgrade")
    else:
        yield ok("pgvector", facts.pgvector)
    if facts.revision == facts.head:
        yield ok("schema", facts.head)
    else:
        yield fail("schema", f"at {facts.revision or 'nothing'}, needed is {facts.head}", "facepass db upgrade")


def _remedy(settings: Settings) -> str:
    if settings.database.is_embedded:
        return "see the log in DATA_DIR/postgres"
    return "check DATABASE_URL or POSTGRES_*, and that the server runs and lets this machine in"
