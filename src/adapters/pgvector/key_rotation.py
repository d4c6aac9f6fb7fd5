"""Wraps data keys again, under the newest key of ENCRYPTION_KEY. The templates stay as they are."""

from facepass.adapters.pgvector.sealing.keys import Keyring, WrappedKey
from facepass.adapters.pgvector.statements import keys as statements
from facepass.adapters.pgvector.template_codec import key_context
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import Clock
from facepass.domain.audit import AuditEntry, AuditEvent
from facepass.domain.gallery import SessionId

BATCH = 500
"""Keys a transaction."""


class KeyRotation:
    """Goes through all sessions; may be broken off at any moment and begun again.

    Args:
        units: of the store.
        keyring: the newest key first; the older ones open what was wrapped under them.
        clock: for the audit trail.
    """

    def __init__(self, units: PostgresUnitOfWorkFactory, *, keyring: Keyring, clock: Clock) -> None:
        self._units = units
        self._keyring = keyring
        self._clock = clock

    async def __call__(self) -> int:
        """How many keys were wrapped again; 0 where all are under the newest already.

        Raises:
            ConfigurationError: a session's key is wrapped under one that ENCRYPTION_KEY lacks; earlier batches hold.
            DependencyUnavailable: the database; what was done until then holds.
        """
        rotated, after = 0, 0
        while True:
            done, after = await self._batch(after)
            rotated += done
            if done < BATCH:
                return rotated

    async def _batch(self, after: int) -> tuple[int, int]:
        """How many of the keys of the sessions after one were wrapped again, and the last of these."""
        async with self._units() as unit:
            values = {"key_id": self._keyring.newest, "session_pk": after, "limit": BATCH}
            rows = (await unit.transaction.write(statements.OTHER_KEYS, values)).all()
            for row in rows:
                context = key_context(SessionId(row.session_id))
                data_key = self._keyring.unwrap(WrappedKey(row.key_id, row.data_key), context=context)
                wrapped = self._keyring.wrap(data_key, context=context)
                rewrapped = {"session_pk": row.session_pk, "key_id": wrapped.key_id, "data_key": wrapped.blob}
                await unit.transaction.write(statements.REWRAP, rewrapped)
            if rows:
                await unit.audit.append(AuditEntry(AuditEvent.KEYS_ROTATED, self._clock.now()))
            await unit.commit()
        return len(rows), rows[-1].session_pk if rows else after
