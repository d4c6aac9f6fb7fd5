"""Read the audit trail: all of it, or what concerns one session."""

import json
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.audit import AuditRecord, digest
from facepass.domain.gallery import SessionId

BATCH: Final = 1000
"""Entries read at once."""


class ReadAudit:
    """Finds entries. A session's can be found by whoever knows its id: the trail has no more of it than a digest."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self, session_id: SessionId | None, *, limit: int) -> Sequence[AuditRecord]:
        """The last entries, in order; reads the whole trail to find them.

        Args:
            session_id: whose; None for all.
            limit: most of them.

        Raises:
            DependencyUnavailable: the database.
        """
        session = None if session_id is None else digest(session_id)
        found: deque[AuditRecord] = deque(maxlen=limit)
        seen = 0
        while True:
            async with self._unit_of_work() as transaction:
                records = await transaction.audit.records(after=seen, limit=BATCH)
            if not records:
                return list(found)
            found.extend(record for record in records if session is None or _session_of(record) == session)
            seen = records[-1].no


def _session_of(record: AuditRecord) -> Any:
    """What the entry says it concerns; nothing where somebody has made it unreadable, which `CheckAudit` tells."""
    try:
        facts = json.loads(record.text)
    except (ValueError, RecursionError):
        return None
    return facts.get("session") if isinstance(facts, dict) else None
