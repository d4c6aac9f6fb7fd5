"""Make a backup: one snapshot, dumped, counted and written down, while the service goes on."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime, timedelta

import asyncpg

from facepass import __version__
from facepass.adapters.backup.address import Connection, DatabaseAddress
from facepass.adapters.backup.documents import (
    ERASURES,
    KEYS,
    ErasureFile,
    KeyFile,
    Manifest,
    TableFingerprint,
    dump_of,
    manifest_of,
    name_at,
    time_of,
)
from facepass.adapters.backup.erasures import merged, read_erasures
from facepass.adapters.backup.keys import read_keys
from facepass.adapters.backup.programs import Programs, output_of
from facepass.adapters.backup.snapshot import KEY_TABLE, MARK_TABLE, fingerprints, has_column, schema_revision
from facepass.adapters.backup.store import BackupStore, backups_in, read, write
from facepass.domain.errors import ConfigurationError, Conflict

ADVISORY_LOCK = 0x66616365_6261636B  # "faceback" in ASCII: one backup of a database at a time
STATEMENT_TIMEOUT_S = 6 * 3600.0
LOCK_WAIT_MS = 60_000
"""How long `pg_dump` waits for a table that a migration holds."""

_MARK = f"""
    INSERT INTO {MARK_TABLE} AS known (taken_at) VALUES ($1)
    ON CONFLICT (single) DO UPDATE SET taken_at = greatest(known.taken_at, excluded.taken_at)
"""  # noqa: S608 - constant  # nosec

Progress = Callable[[str], None]
FindPrograms = Callable[[int], Programs]


async def back_up(
    source: DatabaseAddress, store: BackupStore, find_programs: FindPrograms, *, retention_days: int, progress: Progress
) -> Manifest:
    """Back a database up, and delete the backups that are too old.

    Takes no lock that a writer waits for, and writes nothing but, at the end, when the newest backup was made. The
    manifest comes last: without it a dump is no backup.

    Args:
        source: the database.
        store: kept for backups of this database alone.
        find_programs: those of a release, or of a newer one.
        retention_days: age after which a backup goes; the one just made stays.
        progress: told what is being done.

    Raises:
        ProgramFailed: `pg_dump` does not manage.
        Conflict: another backup of this database is being made.
        ConfigurationError: the store holds backups of another database, or does not take this one.
    """
    connection = await source.connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", ADVISORY_LOCK):
            raise Conflict("another backup of this database is being made")
        major = connection.get_server_version().major
        programs = await asyncio.to_thread(find_programs, major)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            manifest = await _write_snapshot(connection, source, store, programs, progress)
        await _mark(connection, manifest.created_at, progress)
    finally:
        await connection.close(timeout=source.timeout_s)
    await _delete_outdated(store, manifest.created_at - timedelta(days=retention_days), progress)
    return manifest


async def _write_snapshot(
    connection: Connection, source: DatabaseAddress, store: BackupStore, programs: Programs, progress: Progress
) -> Manifest:
    facts = await connection.fetchrow(
        "SELECT pg_export_snapshot() AS snapshot, now() AS at, current_database() AS database,"
        " current_setting('server_version') AS version"
    )
    assert facts is not None  # noqa: S101 - a query without a table gives one row
    name = name_at(facts["at"])
    keys = await read_keys(connection, facts["database"], facts["at"])
    erasures = await _erasures(connection, store, facts["database"], facts["at"])
    await store.clear_unfinished()
    progress(f"Dumping {facts['database']} as {name}.")
    measure = _Measure()

    async def dump() -> None:
        async with aclosing(_dump(programs, source, facts["snapshot"])) as chunks:
            await store.put(dump_of(name), measure.passing(chunks))

    tables: list[TableFingerprint] = []
    revision = await schema_revision(connection)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(dump())
            tables = await fingerprints(connection)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None
    progress(f"{sum(table.rows for table in tables)} rows of {len(tables)} tables in {measure.size_bytes} bytes.")
    manifest = Manifest(
        name=name,
        created_at=facts["at"],
        database=facts["database"],
        facepass=__version__,
        schema_revision=revision,
        postgresql=facts["version"],
        pg_dump=programs.major,
        tables=tuple(tables),
        size_bytes=measure.size_bytes,
        sha256=measure.sha256,
    )
    # before the manifest: a backup that is whole has its keys
    await write(store, KEYS, keys)
    await write(store, ERASURES, erasures)
    await write(store, manifest_of(name), manifest)
    return manifest


async def _mark(connection: Connection, taken_at: datetime, progress: Progress) -> None:
    """Have the database know of the backup, so that the service can tell how old it is; no backup fails for that."""
    try:
        if await has_column(connection, MARK_TABLE, "taken_at"):  # an older schema has no place for it
            await connection.execute(_MARK, taken_at)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        progress(f"The database does not take note of the backup, so metrics will not tell of it: {error}.")


class _Measure:
    """Size and digest of what passes."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def passing(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same chunks."""
        async for chunk in chunks:
            self.size_bytes += len(chunk)
            self._digest.update(chunk)
            yield chunk


def _dump(programs: Programs, source: DatabaseAddress, snapshot: str) -> AsyncGenerator[bytes, None]:
    """What `pg_dump` writes of a snapshot, without the keys, and without comments that only a superuser may restore."""
    database, environment = source.for_programs()
    arguments = [
        *("--format=custom", "--compress=1", "--no-owner", "--no-privileges", "--no-comments", "--no-password"),
        *(f"--exclude-table-data=*.{KEY_TABLE}", f"--lock-wait-timeout={LOCK_WAIT_MS}"),
        *(f"--snapshot={snapshot}", f"--dbname={database}"),
    ]
    return output_of(programs.pg_dump, arguments, environment)


async def _erasures(connection: Connection, store: BackupStore, database: str, at: datetime) -> ErasureFile:
    """What to remember, with what the store knows already.

    Raises:
        ConfigurationError: the store knows another database.
    """
    for document in (await read(store, KEYS, KeyFile), known := await read(store, ERASURES, ErasureFile)):
        if document is not None and document.database != database:
            raise ConfigurationError(
                f"here are backups of the database {document.database!r}, not of {database!r}: give each a place of "
                "its own, for they would overwrite each other's keys"
            )
    times = [time_of(name) for name in await backups_in(store)]
    oldest = min((time for time in times if time is not None), default=at)
    return merged(known, await read_erasures(connection, database), since=oldest)


async def _delete_outdated(store: BackupStore, before: datetime, progress: Progress) -> None:
    """Delete older backups, manifest first, and older dumps that never got one."""
    for file in sorted(await store.names(), key=lambda file: not file.endswith(".json")):
        name, _, kind = file.rpartition(".")
        time = time_of(name)
        if time is None or time >= before or kind not in {"json", "dump"}:
            continue
        if kind == "json":
            progress(f"Deleting {name}: it is older than backups are kept.")
        await store.delete(file)
