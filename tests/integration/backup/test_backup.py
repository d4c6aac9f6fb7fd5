"""Backups on a real PostgreSQL: what comes back is what was there, and what is damaged is told."""

import asyncio
import hashlib
import itertools
import json
import os
import stat
from datetime import UTC, datetime
from urllib.parse import urlsplit

import asyncpg
import msgspec
import pytest

from facepass.adapters.backup.address import DatabaseAddress
from facepass.adapters.backup.documents import DamagedBackup, Manifest, decode
from facepass.adapters.backup.programs import ProgramFailed
from facepass.adapters.backup.store import backups_in, manifest_at
from facepass.adapters.backup.take import ADVISORY_LOCK
from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.domain.errors import ConfigurationError, Conflict, NotFound
from tests.fixtures_postgres import ask, at_database, run_sql
from tests.integration.backup.filling import fill, seal, sessions_in

SCRATCH = "SELECT count(*) FROM pg_database WHERE datname ~ '^facepass_(scratch|before)'"


async def test_a_backup_says_what_it_holds(operator, revision):
    await fill(operator.url, revision, "gala", "fair")

    manifest = await operator.take()

    assert manifest == decode((operator.folder / f"{manifest.name}.json").read_bytes(), Manifest, called="it")
    dump = (operator.folder / f"{manifest.name}.dump").read_bytes()
    assert (manifest.size_bytes, manifest.sha256) == (len(dump), hashlib.sha256(dump).hexdigest())
    assert manifest.schema_revision == revision
    rows = {table.name: table.rows for table in manifest.tables}
    assert rows["public.sessions"] == 2
    assert rows["public.photos"] == rows["public.faces"] == 6
    assert rows["public.alembic_version"] == 1
    assert "public.session_keys" not in rows
    for path in operator.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_was_backed_up_comes_back(operator, revision):
    await fill(operator.url, revision, "gala", "fair")
    manifest = await operator.take()
    await run_sql(operator.url, "DELETE FROM sessions WHERE session_id = 'gala'")
    await fill(operator.url, revision, "later")

    restored = await operator.restore(replace=True)

    assert await sessions_in(operator.url) == {"gala": 3, "fair": 3}
    assert (restored.backup, restored.replaced) == (manifest.name, True)
    assert (await operator.verify()).differences == ()
    again = await operator.take()
    assert again.tables == manifest.tables, "same content, same checksums"
    assert await ask(operator.url, SCRATCH) == 0


async def test_identities_go_on_where_they_were(operator, revision):
    await fill(operator.url, revision, "gala")
    await operator.take()
    await operator.restore(replace=True)

    await fill(operator.url, revision, "fair")

    assert await sessions_in(operator.url) == {"gala": 3, "fair": 3}


async def test_a_database_that_is_not_there_is_made(operator, postgres_url, revision):
    await fill(operator.url, revision, "gala")
    await operator.take()
    made = at_database(postgres_url, "made-by-restore")
    try:
        restored = await operator.restore(target=DatabaseAddress(made))
        assert (restored.database, restored.replaced) == ("made-by-restore", False)
        assert await sessions_in(made) == {"gala": 3}
    finally:
        await run_sql(postgres_url, 'DROP DATABASE IF EXISTS "made-by-restore" WITH (FORCE)')


async def test_a_database_that_holds_something_is_refused(operator, revision):
    await fill(operator.url, revision, "gala")
    await operator.take()

    with pytest.raises(Conflict, match="--replace"):
        await operator.restore()

    assert await sessions_in(operator.url) == {"gala": 3}


async def test_a_migrated_database_without_sessions_is_empty(operator, revision):
    await fill(operator.url, revision, "gala")
    await operator.take()
    await run_sql(operator.url, "DELETE FROM sessions")

    await operator.restore()

    assert await sessions_in(operator.url) == {"gala": 3}


async def test_while_others_are_connected_nothing_is_swapped(operator, revision):
    await fill(operator.url, revision, "gala")
    await operator.take()
    service = await asyncpg.connect(operator.url)
    try:
        with pytest.raises(Conflict, match="stop the service"):
            await operator.restore(replace=True)
        assert await service.fetchval("SELECT count(*) FROM sessions") == 1
    finally:
        await service.close()
    assert await ask(operator.url, SCRATCH) == 0


async def test_one_damaged_byte_is_told_before_anything_happens(operator, revision):
    await fill(operator.url, revision, "gala")
    manifest = await operator.take()
    dump = operator.folder / f"{manifest.name}.dump"
    raw = bytearray(dump.read_bytes())
    raw[len(raw) // 2] ^= 1
    dump.write_bytes(raw)

    with pytest.raises(DamagedBackup, match="SHA-256"):
        await operator.verify()
    with pytest.raises(DamagedBackup, match="SHA-256"):
        await operator.restore(replace=True)
    dump.write_bytes(raw[:-1])
    with pytest.raises(DamagedBackup, match="bytes in place of"):
        await operator.verify()

    assert await sessions_in(operator.url) == {"gala": 3}


@pytest.mark.parametrize(
    ("statement", "table", "how"),
    [
        ("UPDATE faces SET confidence = 0.5 WHERE face_no = 0", "public.faces", "content is another"),
        ("DELETE FROM faces", "public.faces", "0 rows in place of 3"),
        ("CREATE TABLE guest ()", "public.guest", "was not there"),
    ],
)
async def test_an_altered_row_is_found(operator, revision, statement, table, how):
    await fill(operator.url, revision, "gala")
    honest = await operator.take()
    await run_sql(operator.url, statement)
    altered = await operator.take()
    forged = msgspec.structs.replace(altered, tables=honest.tables)
    (operator.folder / f"{altered.name}.json").write_bytes(msgspec.json.encode(forged))

    found = await operator.verify(altered.name)

    assert len(found.differences) == 1
    assert found.differences[0].startswith(table)
    assert how in found.differences[0]
    assert (await operator.verify(honest.name)).differences == ()
    with pytest.raises(DamagedBackup, match="manifest"):
        await operator.restore(altered.name, replace=True)
    assert await ask(operator.url, SCRATCH) == 0


async def test_dump_and_counts_show_the_same_moment(operator, revision):
    await fill(operator.url, revision, "gala")
    writing = asyncio.Event()

    async def write() -> None:
        for number in itertools.count():
            await fill(operator.url, revision, f"session-{number}", photos=1)
            writing.set()

    writer = asyncio.create_task(write())
    await writing.wait()
    manifest = await operator.take()
    assert not writer.done(), "nothing that it did was refused"
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)

    assert (await operator.verify(manifest.name)).differences == ()


async def test_a_dump_that_fails_leaves_nothing(operator, revision):
    operator.dump_with("echo half a dump; echo 'pg_dump: error: disk on fire' >&2; exit 1")

    with pytest.raises(ProgramFailed, match="disk on fire"):
        await operator.take()

    assert list(operator.folder.iterdir()) == []


async def test_an_interrupted_backup_leaves_nothing_and_ends_its_program(operator, revision, tmp_path):
    operator.dump_with(f"echo $$ > {tmp_path}/pid; exec yes")
    task = asyncio.create_task(operator.take())
    while not [path for path in operator.folder.glob(".*") if path.stat().st_size]:  # noqa: ASYNC110 - a file tells nobody
        await asyncio.sleep(0.005)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert list(operator.folder.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_one_backup_of_a_database_at_a_time(operator, revision):
    other = await asyncpg.connect(operator.url)
    try:
        await other.execute(f"SELECT pg_advisory_lock({ADVISORY_LOCK})")
        with pytest.raises(Conflict, match="another backup"):
            await operator.take()
    finally:
        await other.close()


async def test_backups_that_are_too_old_go_but_never_the_newest(operator, revision):
    operator.folder.mkdir()
    for name in ("facepass-20200101-000000-000000", "facepass-20200102-000000-000000"):
        (operator.folder / f"{name}.dump").write_bytes(b"old")
        (operator.folder / f"{name}.json").write_bytes(b"{}")
    (operator.folder / "facepass-20200103-000000-000000.dump").write_bytes(b"never got its manifest")
    (operator.folder / ".keys.json.00.partial").write_bytes(b"of a writer that was killed")
    (operator.folder / "notes.txt").write_text("somebody's own")

    manifest = await operator.take(retention_days=1)

    assert await backups_in(operator.store) == (manifest.name,)
    assert sorted(path.name for path in operator.folder.iterdir()) == [
        "erasures.json",
        f"{manifest.name}.dump",
        f"{manifest.name}.json",
        "keys.json",
        "notes.txt",
    ]


async def test_backups_of_two_databases_do_not_mix(operator, revision, postgres_url):
    await operator.take()
    operator.source = DatabaseAddress(postgres_url)

    with pytest.raises(ConfigurationError, match="backups of the database"):
        await operator.take()


async def test_a_backup_that_is_not_there(operator, revision):
    with pytest.raises(NotFound, match="no backup here"):
        await operator.restore()
    await operator.take()
    for name in ("facepass-20200101-000000-000000", "../../etc/passwd"):
        with pytest.raises(NotFound):
            await manifest_at(operator.store, name)


async def test_the_password_is_in_no_argument_and_no_line(operator, revision, tmp_path):
    password = urlsplit(operator.url).password
    operator.dump_with(f'echo "$@" > {tmp_path}/arguments; exec {operator.programs.pg_dump} "$@"')

    await operator.take()

    arguments = (tmp_path / "arguments").read_text()
    assert "--dbname=postgresql://facepass@127.0.0.1" in arguments
    assert password not in arguments
    assert password not in "\n".join(operator.said)
    assert password not in repr(operator.source)


class TestWithoutTheRightToMakeDatabases:
    """The target must have no tables; what fails leaves it so."""

    @pytest.fixture
    async def humble(self, operator, own_cluster, newest_schema):
        """A database of a role that may not make others; what was backed up has one session."""
        await fill(newest_schema, "0004", "gala")
        await operator.take()
        cluster = own_cluster.start()
        await run_sql(cluster.url, "CREATE ROLE humble LOGIN PASSWORD 'humble'", "CREATE DATABASE humble OWNER humble")
        await run_sql(at_database(cluster.url, "humble"), "CREATE EXTENSION vector")
        return DatabaseAddress(cluster.url_of("humble", "humble", "humble"))

    async def test_what_was_backed_up_comes_back_all_the_same(self, operator, humble):
        await operator.restore(target=humble)

        assert await sessions_in(humble.url) == {"gala": 3}
        with pytest.raises(ConfigurationError, match="CREATEDB"):
            await operator.restore(target=humble, replace=True)
        with pytest.raises(ConfigurationError, match="CREATEDB"):
            await operator.verify(server=humble)

    async def test_a_failure_leaves_it_without_tables(self, operator, humble):
        (manifest,) = operator.folder.glob("facepass-*.json")
        document = json.loads(manifest.read_bytes())
        document["tables"][0]["rows"] += 1
        manifest.write_text(json.dumps(document))

        with pytest.raises(DamagedBackup, match="manifest"):
            await operator.restore(target=humble)

        assert await ask(humble.url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0


class TestKeys:
    """With templates that are encrypted: `session_keys` is in no dump."""

    async def test_keys_lie_beside_the_backups(self, operator, newest_schema):
        await fill(newest_schema, "0004", "gala", "plain")
        await seal(newest_schema, "gala", b"wrapped data key")
        manifest = await operator.take()

        assert b"wrapped data key" not in (operator.folder / f"{manifest.name}.dump").read_bytes()
        written = json.loads((operator.folder / "keys.json").read_bytes())
        assert [key["session_id"] for key in written["keys"]] == ["gala"]
        restored = await operator.restore(replace=True)
        assert restored.sessions_unreadable == 0
        assert await ask(newest_schema, "SELECT data_key FROM session_keys") == b"wrapped data key"

    async def test_a_session_erased_since_stays_unreadable_in_older_backups(self, operator, newest_schema):
        await fill(newest_schema, "0004", "gala", "fair")
        await seal(newest_schema, "gala", b"of gala")
        await seal(newest_schema, "fair", b"of fair")
        older = await operator.take()
        await run_sql(newest_schema, "DELETE FROM sessions WHERE session_id = 'gala'")
        await operator.take()

        assert (await operator.verify(older.name)).sessions_unreadable == 1
        restored = await operator.restore(older.name, replace=True)

        assert restored.sessions_unreadable == 1
        assert await sessions_in(newest_schema) == {"fair": 3}
        assert any("keys are gone" in line for line in operator.said)

    async def test_without_the_file_of_the_keys_nothing_is_restored(self, operator, newest_schema):
        await fill(newest_schema, "0004", "gala")
        await seal(newest_schema, "gala", b"of gala")
        await operator.take()
        (operator.folder / "keys.json").unlink()

        with pytest.raises(DamagedBackup, match=r"keys\.json is missing"):
            await operator.restore(replace=True)

        assert await ask(newest_schema, "SELECT data_key FROM session_keys") == b"of gala"


class TestErasures:
    """What was erased since a backup does not come back with it."""

    async def erase_gala(self, url: str) -> None:
        await run_sql(
            url,
            "DELETE FROM photos USING sessions s WHERE s.pk = session_pk AND session_id = 'gala'",
            "UPDATE sessions SET erased_at = now(), model_pk = NULL WHERE session_id = 'gala'",
        )

    async def test_a_session(self, operator, newest_schema):
        await fill(newest_schema, "0004", "gala", "fair")
        older = await operator.take()
        await self.erase_gala(newest_schema)
        await operator.take()
        await run_sql(newest_schema, "DELETE FROM sessions WHERE session_id = 'gala'")  # the database forgets sooner
        await operator.take()

        restored = await operator.restore(older.name, replace=True)

        assert restored.sessions_erased == 1
        assert await sessions_in(newest_schema) == {"fair": 3}
        assert "Erased again, as since the backup: 1 sessions, 0 photos." in operator.said

    async def test_what_was_indexed_after_the_erasure_stays(self, operator, newest_schema):
        await fill(newest_schema, "0004", "gala")
        await self.erase_gala(newest_schema)
        await operator.take()
        await run_sql(newest_schema, "DELETE FROM sessions")
        await fill(newest_schema, "0004", "gala", photos=2, at=datetime.now(UTC))
        await operator.take()

        restored = await operator.restore(replace=True)

        assert restored.sessions_erased == 0
        assert await sessions_in(newest_schema) == {"gala": 2}

    async def test_a_photo(self, operator, newest_schema):
        await fill(newest_schema, "0004", "gala")
        await run_sql(newest_schema, "UPDATE sessions SET face_count = 3")
        older = await operator.take()
        await run_sql(
            newest_schema,
            "DELETE FROM photos WHERE photo_id = '1.jpg'",
            "INSERT INTO tombstones SELECT pk, '1.jpg', 2, now() FROM sessions",
        )
        await operator.take()

        restored = await operator.restore(older.name, replace=True)

        assert restored.photos_erased == 1
        assert await sessions_in(newest_schema) == {"gala": 2}
        assert await ask(newest_schema, "SELECT face_count FROM sessions") == 2


async def test_an_older_backup_can_be_migrated_afterwards(operator, empty_database_url):
    await migrate.upgrade(empty_database_url, PoolSettings(), "0001")
    await fill(empty_database_url, "0001", "gala")
    await operator.take()
    await migrate.upgrade(empty_database_url, PoolSettings())

    await operator.restore(replace=True)

    assert await migrate.current(empty_database_url, PoolSettings()) == "0001"
    await migrate.upgrade(empty_database_url, PoolSettings())
    assert await sessions_in(empty_database_url) == {"gala": 3}


async def known_backup(url: str) -> datetime | None:
    """What the service would tell."""
    engine = create_engine(url, PoolSettings())
    try:
        async with PostgresUnitOfWorkFactory(engine)() as unit:
            return await unit.catalogue.last_backup_at()
    finally:
        await engine.dispose()


async def test_the_database_knows_when_it_was_backed_up_last(operator, newest_schema):
    assert await known_backup(newest_schema) is None
    first = await operator.take()
    assert await known_backup(newest_schema) == first.created_at
    second = await operator.take()
    assert await known_backup(newest_schema) == second.created_at > first.created_at
    assert (await operator.verify()).differences == ()


async def test_a_backup_alone_makes_no_database_hold_something(operator, newest_schema):
    first = await operator.take()
    await operator.take()
    await operator.restore(first.name)
    assert await known_backup(newest_schema) is None, "as of the first backup, before it was known"


async def test_a_failed_backup_is_not_known(operator, newest_schema):
    first = await operator.take()
    operator.dump_with("exit 1")
    with pytest.raises(ProgramFailed):
        await operator.take()
    assert await known_backup(newest_schema) == first.created_at


async def test_a_database_that_takes_no_writes_can_be_backed_up(operator, newest_schema):
    name = operator.source.name
    await run_sql(newest_schema, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    manifest = await operator.take()
    assert await backups_in(operator.store) == (manifest.name,)
    assert any("does not take note of the backup" in line for line in operator.said)
    assert await known_backup(newest_schema) is None
