"""The audit trail of the configured database, for whoever operates it."""

from collections.abc import Sequence

from facepass.application.check_audit import AuditCheck, parse_head
from facepass.domain.audit import AuditRecord
from facepass.domain.gallery import SessionId
from facepass.entrypoints.container import build_container
from facepass.entrypoints.lifespan import storage_running
from facepass.entrypoints.settings import Settings


async def verify(settings: Settings, *, head: str | None) -> AuditCheck:
    """Check the trail; the embedded database runs for as long as that takes.

    Args:
        settings: in force.
        head: hash that an earlier check ended with; None where there is none.

    Raises:
        InvalidRequest: `head` is no such hash.
        ConfigurationError, DependencyUnavailable: the database.
    """
    known_head = None if head is None else parse_head(head)
    container = build_container(settings)
    async with storage_running(container):
        return await container.check_audit()(known_head=known_head)


async def entries(settings: Settings, *, session: str | None, last: int) -> Sequence[AuditRecord]:
    """The last entries, of one session or of all.

    Raises:
        InvalidRequest: `session` is no id.
        ConfigurationError, DependencyUnavailable: the database.
    """
    session_id = None if session is None else SessionId.parse(session, "session")
    container = build_container(settings)
    async with storage_running(container):
        return await container.read_audit()(session_id, limit=last)
