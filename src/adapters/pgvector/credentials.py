"""API keys and uses of tokens, in PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from facepass.adapters.pgvector.statements import credentials as statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.application.ports import KeyStore, TokenUses
from facepass.domain.access import Scope
from facepass.domain.api_key import ApiKey
from facepass.domain.errors import Conflict


class PgvectorKeyStore(KeyStore):
    """Works inside one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, key: ApiKey) -> None:
        """See `KeyStore.add`."""
        values = {
            "prefix": key.prefix,
            "name": key.name,
            "scopes": sorted(key.scopes),
            "digest": key.digest,
            "at": key.created_at,
            "expires_at": key.expires_at,
        }
        if not (await self._transaction.write(statements.ADD_KEY, values)).rowcount:
            raise Conflict(f"There is a key {key.prefix} already.")

    async def find(self, prefix: str) -> ApiKey | None:
        """See `KeyStore.find`."""
        row = (await self._transaction.read(statements.FIND_KEY, {"prefix": prefix})).one_or_none()
        return None if row is None else _key(row)

    async def newest(self, *, limit: int) -> Sequence[ApiKey]:
        """See `KeyStore.newest`."""
        return [_key(row) for row in await self._transaction.read(statements.NEWEST_KEYS, {"limit": limit})]

    async def end(self, prefix: str, *, revoked_at: datetime | None = None, expires_at: datetime | None = None) -> None:
        """See `KeyStore.end`."""
        values = {"prefix": prefix, "revoked_at": revoked_at, "expires_at": expires_at}
        await self._transaction.write(statements.END_KEY, values)

    async def note_use(self, prefix: str, at: datetime) -> None:
        """See `KeyStore.note_use`."""
        await self._transaction.write(statements.NOTE_USE, {"prefix": prefix, "at": at})

    async def purge(self, before: datetime) -> int:
        """See `KeyStore.purge`."""
        return (await self._transaction.write(statements.PURGE_KEYS, {"before": before})).rowcount


class PgvectorTokenUses(TokenUses):
    """Works inside one transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def spend(self, token_id: str, *, most: int, expires_at: datetime) -> bool:
        """See `TokenUses.spend`."""
        values = {"token_id": token_id, "most": most, "expires_at": expires_at}
        return (await self._transaction.write(statements.SPEND, values)).rowcount > 0

    async def purge(self, before: datetime) -> int:
        """See `TokenUses.purge`."""
        return (await self._transaction.write(statements.PURGE_USES, {"before": before})).rowcount


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        prefix=row.prefix,
        name=row.name,
        scopes=frozenset(Scope(name) for name in row.scopes),
        digest=bytes(row.digest),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
