"""The sessions' wrapped data keys, beside the backups and in none of them.

A key that a dump held could be read for as long as the dump exists. Here the next backup forgets it.
"""

from datetime import datetime

from facepass.adapters.backup.address import Connection
from facepass.adapters.backup.documents import KEYS, DamagedBackup, KeyFile, SessionKey
from facepass.adapters.backup.snapshot import KEY_TABLE, has_column
from facepass.adapters.backup.store import BackupStore, read

_READ = f"""
    SELECT k.session_pk, s.session_id, k.key_id, k.data_key
    FROM {KEY_TABLE} k JOIN sessions s ON s.pk = k.session_pk ORDER BY k.session_pk
"""  # noqa: S608 - a name of ours  # nosec

# the id must agree too: a key belongs to no other session that later got the same number
_LOAD = f"""
    INSERT INTO {KEY_TABLE} (session_pk, key_id, data_key)
    SELECT k.session_pk, k.key_id, k.data_key
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[]) AS k (session_pk, session_id, key_id, data_key)
    JOIN sessions s ON s.pk = k.session_pk AND s.session_id = k.session_id
"""  # noqa: S608 - a name of ours  # nosec

_UNREADABLE = f"""
    SELECT s.pk FROM sessions s
    WHERE EXISTS (SELECT FROM faces f WHERE f.session_pk = s.pk AND f.sealed IS NOT NULL)
      AND NOT EXISTS (SELECT FROM {KEY_TABLE} k WHERE k.session_pk = s.pk)
"""  # noqa: S608 - a name of ours  # nosec


async def read_keys(connection: Connection, database: str, at: datetime) -> KeyFile:
    """The keys of the sessions that live, as the connection's transaction sees them."""
    if not await has_column(connection, KEY_TABLE, "data_key"):
        return KeyFile(database, at, ())
    return KeyFile(database, at, tuple(SessionKey(**row) for row in await connection.fetch(_READ)))


async def load_keys(connection: Connection, store: BackupStore) -> list[int]:
    """Give a restored database its keys back; `pk` of the sessions whose templates stay unreadable.

    Those were erased after the backup was made. A schema that knows no keys needs none.

    Raises:
        DamagedBackup: templates are encrypted and the file with the keys is missing or cannot be read.
    """
    if not await has_column(connection, KEY_TABLE, "data_key") or not await has_column(connection, "faces", "sealed"):
        return []
    file = await read(store, KEYS, KeyFile)
    if file is not None:
        keys = file.keys
        await connection.execute(
            _LOAD,
            [key.session_pk for key in keys],
            [key.session_id for key in keys],
            [key.key_id for key in keys],
            [key.data_key for key in keys],
        )
    unreadable = [row["pk"] for row in await connection.fetch(_UNREADABLE)]
    if unreadable and file is None:
        raise DamagedBackup(
            f"{KEYS} is missing beside the backup: without it the templates of {len(unreadable)} sessions stay "
            "encrypted"
        )
    return unreadable
