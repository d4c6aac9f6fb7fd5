"""API keys and uses of tokens, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from facepass.adapters.memory.store import TokenUse
from facepass.adapters.memory.transaction import InMemoryTransaction
from facepass.application.ports import KeyStore, TokenUses
from facepass.domain.api_key import ApiKey
from facepass.domain.errors import Conflict


class InMemoryKeyStore(KeyStore):
    """Lives inside one transaction."""

    def __init__(self, transaction: InMemoryTransaction) -> None:
        self._transaction = transaction

    async def add(self, key: ApiKey) -> None:
        """See `KeyStore.add`."""
        if key.prefix in (await self._transaction.lock_credentials()).keys:
            raise Conflict(f"There is a key {key.prefix} already.")
        self._put(key)

    async def find(self, prefix: str) -> ApiKey | None:
        """See `KeyStore.find`."""
        return self._transaction.credentials().keys.get(prefix)

    async def newest(self, *, limit: int) -> Sequence[ApiKey]:
        """See `KeyStore.newest`."""
        by_prefix = sorted(self._transaction.credentials().keys.values(), key=lambda key: key.prefix)
        return sorted(by_prefix, key=lambda key: key.created_at, reverse=True)[:limit]

    async def end(self, prefix: str, *, revoked_at: datetime | None = None, expires_at: datetime | None = None) -> None:
        """See `KeyStore.end`."""
        key = (await self._transaction.lock_credentials()).keys.get(prefix)
        if key is not None:
            self._put(
                replace(
                    key,
                    revoked_at=_earlier(key.revoked_at, revoked_at),
                    expires_at=_earlier(key.expires_at, expires_at),
                )
            )

    async def note_use(self, prefix: str, at: datetime) -> None:
        """See `KeyStore.note_use`."""
        key = (await self._transaction.lock_credentials()).keys.get(prefix)
        if key is not None and (key.last_used_at is None or key.last_used_at < at):
            self._put(replace(key, last_used_at=at))

    async def purge(self, before: datetime) -> int:
        """See `KeyStore.purge`."""
        credentials = await self._transaction.lock_credentials()
        kept = {
            prefix: key
            for prefix, key in credentials.keys.items()
            if (ended_at := key.ended_at()) is None or ended_at >= before
        }
        self._transaction.write_credentials(replace(credentials, keys=kept))
        return len(credentials.keys) - len(kept)

    def _put(self, key: ApiKey) -> None:
        credentials = self._transaction.credentials()
        self._transaction.write_credentials(replace(credentials, keys={**credentials.keys, key.prefix: key}))


class InMemoryTokenUses(TokenUses):
    """Lives inside one transaction."""

    def __init__(self, transaction: InMemoryTransaction) -> None:
        self._transaction = transaction

    async def spend(self, token_id: str, *, most: int, expires_at: datetime) -> bool:
        """See `TokenUses.spend`."""
        credentials = await self._transaction.lock_credentials()
        before = credentials.token_uses.get(token_id, TokenUse(0, expires_at))
        if before.used >= most:
            return False
        uses = {**credentials.token_uses, token_id: replace(before, used=before.used + 1)}
        self._transaction.write_credentials(replace(credentials, token_uses=uses))
        return True

    async def purge(self, before: datetime) -> int:
        """See `TokenUses.purge`."""
        credentials = await self._transaction.lock_credentials()
        kept = {name: use for name, use in credentials.token_uses.items() if use.expires_at >= before}
        self._transaction.write_credentials(replace(credentials, token_uses=kept))
        return len(credentials.token_uses) - len(kept)


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
