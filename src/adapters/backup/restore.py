"""The way back: check a backup, restore it beside what is there, hold it against its manifest, and only then swap."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from facepass.adapters.backup.address import Connection, DatabaseAddress
from facepass.adapters.backup.documents import ERASURES, DamagedBackup, ErasureFile, Manifest, dump_of
from facepass.adapters.backup.erasures import Erased, erase_again
from facepass.adapters.backup.keys import load_keys
from facepass.adapters.backup.programs import Programs, feed
from facepass.adapters.backup.scratch import exchange, may_create, scratch_database, state_of
from facepass.adapters.backup.snapshot import differences, tables
from facepass.adapters.backup.store import BackupStore, manifest_at, read
from facepass.adapters.backup.take import STATEMENT_TIMEOUT_S, FindPrograms, Progress
from facepass.domain.errors import ConfigurationError, Conflict


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        backup: its name; `created_at` is the moment that the database is back at.
        database: name of the database.
        replaced: whether there was one before.
        sessions_erased: sessions that the backup held and that were erased since, photos likewise.
        sessions_unreadable: sessions that were erased because their key is gone.
    """

    backup: str
    created_at: datetime
    database: str
    replaced: bool
    rows: int
    sessions_erased: int
    photos_erased: int
    sessions_unreadable: int


@dataclass(frozen=True, slots=True)
class Verification:
    """What a rehearsal of the restore found.

    Attributes:
        differences: what is not as the manifest says, a sentence each; nothing where the backup is good.
        sessions_unreadable: sessions whose key is gone, as they were erased since.
    """

    backup: str
    created_at: datetime
    tables: int
    rows: int
    differences: tuple[str, ...]
    sessions_unreadable: int


async def restore(
    store: BackupStore,
    name: str | None,
    target: DatabaseAddress,
    find_programs: FindPrograms,
    *,
    replace: bool,
    progress: Progress,
) -> Restored:
    """Put a backup in the place of a database.

    Where our role may make databases, the backup is restored into one of its own, which then takes the target's name:
    until then nothing has changed. Where it may not, the target must have no tables, and a failure leaves it so.

    Args:
        store: where the backup is.
        name: of the backup; None for the newest.
        target: need not exist.
        find_programs: as for `back_up`.
        replace: allow a target that holds something.
        progress: told what is being done.

    Raises:
        NotFound: there is no such backup.
        DamagedBackup: it is not what was made; the target is as it was.
        Conflict: the target holds something, or others are connected to it.
        ConfigurationError: our role's rights do not suffice.
    """
    manifest = await manifest_at(store, name)
    database, empty = await state_of(target)
    if empty is False and not replace:
        raise Conflict(f"the database {database} is not empty; to lose what it holds, say --replace")
    target = target.named(database)
    await check_dump(store, manifest, progress)
    if not await may_create(target):
        return await _restore_in_place(
            store, manifest, target, find_programs, exists=empty is not None, progress=progress
        )
    async with scratch_database(target) as scratch:
        erased, unreadable = await _fill(store, manifest, scratch, find_programs, progress)
        progress(f"Swapping it in as {database}.")
        await exchange(scratch, target, exists=empty is not None)
    return _restored(manifest, database, erased, unreadable, replaced=empty is False)


async def verify(
    store: BackupStore, name: str | None, server: DatabaseAddress, find_programs: FindPrograms, *, progress: Progress
) -> Verification:
    """Restore a backup into a database that is dropped at the end, and compare it with its manifest.

    Raises:
        NotFound: there is no such backup.
        DamagedBackup: it cannot be restored at all.
        ConfigurationError: our role may not make databases.
    """
    manifest = await manifest_at(store, name)
    await check_dump(store, manifest, progress)
    async with scratch_database(server) as scratch:
        await _load(store, manifest, scratch, find_programs, progress)
        connection = await scratch.connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
        try:
            async with connection.transaction():
                told = await differences(connection, manifest.tables)
                unreadable = await load_keys(connection, store)
        finally:
            await connection.close(timeout=server.timeout_s)
    rows = sum(table.rows for table in manifest.tables)
    return Verification(manifest.name, manifest.created_at, len(manifest.tables), rows, tuple(told), len(unreadable))


async def check_dump(store: BackupStore, manifest: Manifest, progress: Progress) -> None:
    """Read the dump once and hold it against its manifest.

    Raises:
        DamagedBackup: it is not what was made.
        NotFound: it is missing.
    """
    progress(f"Checking {manifest.size_bytes} bytes of {manifest.name}.")
    async for _ in _checked(store, manifest):
        pass


async def _checked(store: BackupStore, manifest: Manifest) -> AsyncIterator[bytes]:
    """The dump; an error at its end where it is not the one of the manifest."""
    digest = hashlib.sha256()
    size_bytes = 0
    async for chunk in store.chunks(dump_of(manifest.name)):
        size_bytes += len(chunk)
        digest.update(chunk)
        yield chunk
    if size_bytes != manifest.size_bytes:
        raise DamagedBackup(f"{manifest.name} has {size_bytes} bytes in place of {manifest.size_bytes}")
    if digest.hexdigest() != manifest.sha256:
        raise DamagedBackup(f"{manifest.name} is damaged: its SHA-256 is not the one of the manifest")


async def _load(
    store: BackupStore, manifest: Manifest, into: DatabaseAddress, find_programs: FindPrograms, progress: Progress
) -> None:
    """Run `pg_restore`, all or nothing."""
    connection = await into.connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
    server_major = connection.get_server_version().major
    await connection.close(timeout=into.timeout_s)
    programs: Programs = await asyncio.to_thread(find_programs, max(server_major, manifest.pg_dump))
    progress(f"Restoring {sum(table.rows for table in manifest.tables)} rows.")
    database, environment = into.for_programs()
    arguments = [
        *("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password"),
        f"--dbname={database}",
    ]
    await feed(programs.pg_restore, arguments, environment, _checked(store, manifest))


async def _fill(
    store: BackupStore, manifest: Manifest, into: DatabaseAddress, find_programs: FindPrograms, progress: Progress
) -> tuple[Erased, int]:
    """Restore, compare, give keys back, erase again; what was erased and how many sessions lost their key."""
    await _load(store, manifest, into, find_programs, progress)
    erasures = await read(store, ERASURES, ErasureFile)
    connection = await into.connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
    try:
        async with connection.transaction():
            told = await differences(connection, manifest.tables)
            if told:
                raise DamagedBackup(f"{manifest.name} is not what its manifest says: {'; '.join(told)}")
            erased = Erased(0, 0) if erasures is None else await erase_again(connection, erasures)
            unreadable = await load_keys(connection, store)
            await connection.execute("DELETE FROM sessions WHERE pk = ANY ($1::bigint[])", unreadable)
        progress("Counts and checksums agree with the manifest.")
        await connection.execute("ANALYZE")
    finally:
        await connection.close(timeout=into.timeout_s)
    if erased.sessions or erased.photos:
        progress(f"Erased again, as since the backup: {erased.sessions} sessions, {erased.photos} photos.")
    if unreadable:
        progress(f"Erased {len(unreadable)} sessions whose keys are gone: they were erased since the backup.")
    return erased, len(unreadable)


async def _restore_in_place(
    store: BackupStore,
    manifest: Manifest,
    target: DatabaseAddress,
    find_programs: FindPrograms,
    *,
    exists: bool,
    progress: Progress,
) -> Restored:
    """For a role that may not make databases: into a target without tables, emptied again when it fails."""
    if not exists:
        raise ConfigurationError(f"there is no database {target.name}, and our role may not make it")
    connection = await target.connect(statement_timeout_s=STATEMENT_TIMEOUT_S)
    try:
        if await tables(connection):
            raise ConfigurationError(
                f"the database {target.name} has tables and our role may not make databases: restore into one without "
                "tables, or run `ALTER ROLE … CREATEDB` as a superuser"
            )
        try:
            erased, unreadable = await _fill(store, manifest, target, find_programs, progress)
        except BaseException:
            await _drop_tables(connection)
            raise
    finally:
        await connection.close(timeout=target.timeout_s)
    return _restored(manifest, target.name, erased, unreadable, replaced=False)


async def _drop_tables(connection: Connection) -> None:
    for table in await tables(connection):
        await connection.execute(f"DROP TABLE {table} CASCADE")
    await connection.execute("DROP FUNCTION IF EXISTS audit_is_append_only()")


def _restored(manifest: Manifest, database: str, erased: Erased, unreadable: int, *, replaced: bool) -> Restored:
    return Restored(
        manifest.name,
        manifest.created_at,
        database,
        replaced,
        sum(table.rows for table in manifest.tables),
        erased.sessions,
        erased.photos,
        unreadable,
    )
