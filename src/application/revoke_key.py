"""Take an API key out of use."""

from dataclasses import replace

from facepass.application.create_key import existing
from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.api_key import ApiKey
from facepass.domain.audit import AuditEntry, AuditEvent


class RevokeKey:
    """For good; every replica notices within a second (`authenticate_key.REMEMBERED_S`)."""

    def __init__(self, *, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, prefix: str) -> ApiKey:
        """The key as it is now. To revoke it again changes nothing.

        Raises:
            NotFound: there is no such key.
            DependencyUnavailable: the database; nothing was changed.
        """

        async def work(unit: UnitOfWork) -> ApiKey:
            now = self._clock.now()
            key = await existing(unit, prefix)
            if key.revoked_at is not None:
                return key
            await unit.keys.end(prefix, revoked_at=now)
            await unit.audit.append(AuditEntry(AuditEvent.API_KEY_REVOKED, now, api_key=prefix))
            return replace(key, revoked_at=now)

        return await self._unit_of_work.run(work)
