"""What all erasures share: one transaction that may have to be done again, and its entry in the audit trail."""

from collections.abc import Awaitable, Callable, Sequence

from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEntry, AuditEvent, digest
from facepass.domain.gallery import Erasure

LATEST_ENTRIES = 1000
"""Of the trail, looked through for an attempt whose answer was lost: more than are written while it is tried again."""

_Attempt = tuple[Erasure, AuditEntry]


async def erase(
    units: UnitOfWorkFactory, event: AuditEvent, work: Callable[[UnitOfWork], Awaitable[Erasure]]
) -> Erasure:
    """Do an erasure and record it: both hold, or neither.

    Also one that removes nothing is recorded, so that every receipt ever given is in the trail. Where the store could
    not settle an attempt, the erasure is done again; if that attempt held and only its answer was lost, it is the one
    that counts, with its receipt.

    Raises:
        DependencyUnavailable: see `UnitOfWorkFactory.run`.
    """
    attempts: list[_Attempt] = []

    async def attempt(transaction: UnitOfWork) -> Erasure:
        erasure = await work(transaction)
        # only now: an attempt that was still being settled held the gallery until this one could write
        held = await _held(transaction, attempts) if attempts else None
        if held is not None:
            return held
        entry = AuditEntry(
            event,
            erasure.erased_at,
            digest(erasure.session_id),
            photos=erasure.photos_removed,
            templates=erasure.embeddings_removed,
            receipt=erasure.receipt,
        )
        attempts.append((erasure, entry))
        await transaction.audit.append(entry)
        return erasure

    return await units.run(attempt)


async def _held(transaction: UnitOfWork, attempts: Sequence[_Attempt]) -> Erasure | None:
    """The attempt that is in the trail, if one is."""
    last, _ = await transaction.audit.head()
    records = await transaction.audit.records(after=max(0, last - LATEST_ENTRIES), limit=LATEST_ENTRIES)
    recorded = {record.text for record in records}
    return next((erasure for erasure, entry in attempts if entry.text() in recorded), None)
