"""Units as entries of the queue, put there inside the transaction that makes them."""

from collections.abc import Sequence
from typing import TypeAlias

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence import qb
from pgqueuer.adapters.persistence.queries import Queries

from facepass.adapters.pgqueuer.names import ENTRYPOINT, SETTINGS
from facepass.domain.job import JobId, UnitRef

TURN_UNITS = 100
"""So many units of a job come before those of a later one; then they take turns: a short job does not have to wait for
the end of a long one."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


def queries_over(connection: Connection) -> Queries:
    """PgQueuer's statements, with our names, over one connection."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=qb.QueryBuilderEnvironment(SETTINGS),
        qbq=qb.QueryQueueBuilder(SETTINGS),
        qbs=qb.QuerySchedulerBuilder(SETTINGS),
    )


def entry_of(ref: UnitRef) -> str:
    """A unit's name in the queue, which holds it at most once."""
    return f"{ref.job_id}:{ref.unit_no}"


def unit_of(payload: bytes | None) -> UnitRef:
    """The unit that an entry names."""
    job_id, _, number = (payload or b"").decode().partition(":")
    return UnitRef(JobId(job_id), int(number))


class QueueEntries:
    """Puts units into the queue."""

    async def put(self, connection: Connection, units: Sequence[UnitRef]) -> None:
        """Queue units in the transaction that `connection` is in; those that are in the queue stay where they are."""
        names = [entry_of(ref) for ref in units]
        await queries_over(connection).enqueue(
            [ENTRYPOINT] * len(units),
            [name.encode() for name in names],
            [-(ref.unit_no // TURN_UNITS) for ref in units],
            None,
            list(names),
            on_conflict="skip",
        )
