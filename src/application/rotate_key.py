"""Put a new API key in the place of one, which stays valid for a while so that its users can change over."""

from datetime import timedelta
from typing import Final

from facepass.application.create_key import CreateKey, NewKey, existing, keep
from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEvent
from facepass.domain.errors import Conflict, InvalidRequest

DEFAULT_GRACE_S: Final = 24 * 3600
MAX_GRACE_S: Final = 30 * 24 * 3600


class RotateKey:
    """One transaction: the new key, and the end of the old one."""

    def __init__(self, *, create: CreateKey, unit_of_work: UnitOfWorkFactory, clock: Clock) -> None:
        self._create = create
        self._unit_of_work = unit_of_work
        self._clock = clock

    async def __call__(self, prefix: str, *, grace_s: int = DEFAULT_GRACE_S) -> NewKey:
        """A key of the same name, scopes and length of life.

        Args:
            prefix: of the key that it replaces.
            grace_s: how long that one stays valid, in seconds, 0 to `MAX_GRACE_S`; never longer than it would have.

        Raises:
            InvalidRequest: `grace_s` is out of range.
            NotFound: there is no such key.
            Conflict: it has ended already.
            DependencyUnavailable: the database; nothing was changed.
        """
        if not 0 <= grace_s <= MAX_GRACE_S:
            raise InvalidRequest.field("grace_s", f"must be between 0 and {MAX_GRACE_S}, is {grace_s}")

        async def work(unit: UnitOfWork) -> NewKey:
            now = self._clock.now()
            old = await existing(unit, prefix)
            if not old.is_valid(now):
                raise Conflict("This key has ended: make a new one instead.")
            lifetime = None if old.expires_at is None else old.expires_at - old.created_at
            made = self._create.draw(old.name, old.scopes, lifetime)
            await unit.keys.end(prefix, expires_at=now + timedelta(seconds=grace_s))
            await keep(unit, made, AuditEvent.API_KEY_ROTATED)
            return made

        return await self._unit_of_work.run(work)
