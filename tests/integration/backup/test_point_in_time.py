"""Recovery to a moment, rehearsed with the scripts that operators run: archive, copy, accident, recovery."""

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings
from tests.fixtures_postgres import ask, run_sql
from tests.integration.backup.cluster import POLL_S, START_TIMEOUT_S
from tests.integration.backup.filling import fill, sessions_in

SCRIPTS = Path(__file__).parents[3] / "scripts"


def bash(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a script under our own account."""
    return subprocess.run(  # noqa: S603 - our own arguments
        ["/usr/bin/env", "bash", *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=START_TIMEOUT_S,
    )


@pytest.fixture
def scripts(own_cluster) -> Path:
    """The scripts, where the server's account can read them."""
    folder = own_cluster.make("scripts")
    for script in SCRIPTS.glob("*.sh"):
        shutil.copy(script, folder)
        own_cluster.account.own(folder / script.name)
    return folder


def contents(archive: Path) -> dict[str, bytes]:
    """What is archived; beside it the script may still be tidying up a file of its own."""
    return {path.name: path.read_bytes() for path in archive.iterdir() if not path.name.startswith(".")}


async def until(happened: Callable[[], Awaitable[object]]) -> None:
    """Wait until something says yes."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while not await happened():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(POLL_S)


async def test_a_deleted_session_comes_back_as_it_was_at_a_noted_time(own_cluster, scripts):
    archive, base = own_cluster.make("wal"), own_cluster.make("base")
    server = own_cluster.start(
        archive_mode="on", archive_command=f'{scripts}/wal_archive.sh "%p" "%f" {archive}', wal_level="replica"
    )
    await migrate.upgrade(server.url, PoolSettings())
    await fill(server.url, "0004", "before the copy")
    copied = server.run(scripts / "base_backup.sh", base, archive)
    assert copied.returncode == 0, copied.stderr
    await fill(server.url, "0004", "gala", photos=5)

    noted = await ask(server.url, "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')")
    await run_sql(server.url, "DELETE FROM sessions WHERE session_id = 'gala'")
    await fill(server.url, "0004", "later")
    last = await ask(server.url, "SELECT pg_walfile_name(pg_switch_wal())")
    await until(lambda: asyncio.to_thread((archive / str(last)).exists))
    archived = contents(archive)
    (copy,) = (path for path in base.iterdir() if path.is_dir())
    recovered = own_cluster.home / "recovered"
    made = server.run(scripts / "restore_to_time.sh", copy, archive, noted, recovered)
    assert made.returncode == 0, made.stderr
    untouched = server.url
    own_cluster.start(recovered)
    await until(lambda: ask(own_cluster.url, "SELECT NOT pg_is_in_recovery()"))

    assert await sessions_in(own_cluster.url) == {"before the copy": 3, "gala": 5}
    assert await sessions_in(untouched) == {"before the copy": 3, "later": 3}
    await fill(own_cluster.url, "0004", "goes on")
    assert contents(archive) == archived


async def test_old_copies_go_and_with_them_the_log_that_only_they_needed(own_cluster, scripts):
    archive, base = own_cluster.make("wal"), own_cluster.make("base")
    server = own_cluster.start(archive_mode="on", archive_command=f'{scripts}/wal_archive.sh "%p" "%f" {archive}')
    assert server.run(scripts / "base_backup.sh", base, archive).returncode == 0
    (first,) = (path for path in base.iterdir() if path.is_dir())
    first.rename(base / "base-20200101T000000Z")
    before = {path.name for path in archive.iterdir()}
    done = server.run(scripts / "base_backup.sh", base, archive, KEEP="1")

    assert done.returncode == 0, done.stderr
    assert not (base / "base-20200101T000000Z").exists()
    assert len([path for path in base.iterdir() if path.is_dir()]) == 1
    assert before - {path.name for path in archive.iterdir()}


class TestArchiving:
    @pytest.fixture
    def archive(self, tmp_path) -> Path:
        folder = tmp_path / "wal"
        folder.mkdir()
        return folder

    @pytest.fixture
    def put(self, tmp_path, archive):
        """Archives some bytes under a name; the exit code."""

        def putting(content: bytes, name: str = "000000010000000000000001") -> int:
            source = tmp_path / "segment"
            source.write_bytes(content)
            return bash(SCRIPTS / "wal_archive.sh", source, name, archive).returncode

        return putting

    def test_the_same_file_twice_is_success_and_another_is_refused(self, put, archive):
        assert put(b"first") == 0
        assert put(b"first") == 0
        assert put(b"other") == 1
        assert [(path.name, path.read_bytes()) for path in archive.iterdir()] == [
            ("000000010000000000000001", b"first")
        ]

    @pytest.mark.parametrize("name", ["../escaped", "", ".hidden/x"])
    def test_a_name_that_leads_elsewhere_is_refused(self, put, archive, name):
        assert put(b"first", name) == 2
        assert list(archive.iterdir()) == []

    def test_without_a_folder_it_fails(self, put, archive):
        archive.rmdir()
        assert put(b"first") != 0


class TestRefusals:
    @pytest.mark.parametrize("moment", ["2026-05-17 12:00:00", "yesterday", "2026-05-17 12:00:00+00'; x = '"])
    def test_a_moment_without_a_zone_is_none(self, tmp_path, moment):
        done = bash(SCRIPTS / "restore_to_time.sh", tmp_path, tmp_path, moment, tmp_path / "data")
        assert done.returncode == 2
        assert "zone" in done.stderr
        assert not (tmp_path / "data").exists()

    def test_a_folder_that_holds_something_is_left_alone(self, tmp_path):
        (tmp_path / "backup_label").write_text("")
        done = bash(SCRIPTS / "restore_to_time.sh", tmp_path, tmp_path, "2026-05-17 12:00:00Z", tmp_path)
        assert done.returncode == 1
        assert [path.name for path in tmp_path.iterdir()] == ["backup_label"]
