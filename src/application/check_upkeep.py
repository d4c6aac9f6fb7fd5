"""Whether somebody sees to what can wait: jobs that should be worked on, backups that should be made."""

from dataclasses import dataclass
from datetime import datetime

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.job import JobBacklog


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was found.

    Attributes:
        backlog: of all jobs.
        backup_at: the moment that the newest complete backup shows; None where none is known of.
    """

    backlog: JobBacklog
    backup_at: datetime | None


class CheckUpkeep:
    """Asks the store, which is quick."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory) -> None:
        self._unit_of_work = unit_of_work

    async def __call__(self) -> Upkeep:
        """How it stands.

        Raises:
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as transaction:
            return Upkeep(await transaction.jobs.backlog(), await transaction.catalogue.last_backup_at())
