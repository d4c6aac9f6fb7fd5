"""`facepass db backup` and its kin as an operator runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from facepass.entrypoints.cli.exit_codes import ExitCode
from tests.fixtures_postgres import ask, run_sql
from tests.integration.backup.filling import fill, sessions_in

TIMEOUT_S = 120
SCRIPT = Path(__file__).parents[3] / "scripts" / "backup_database.sh"


@pytest.fixture
def environment(tmp_path, newest_schema):
    kept = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": newest_schema,
    }


@pytest.fixture
def run(tmp_path, environment):
    """Runs a command to its end in an empty folder."""

    def running(*command, **variables):
        return subprocess.run(  # noqa: S603 - our own programs
            [str(part) for part in command],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment | variables,
            timeout=TIMEOUT_S,
            check=False,
        )

    return running


@pytest.fixture
def facepass(run):
    """Runs `facepass db`."""
    return lambda *arguments, **variables: run(sys.executable, "-m", "facepass", "db", *arguments, **variables)


async def test_from_backup_to_restore(facepass, newest_schema, tmp_path):
    await fill(newest_schema, "0004", "gala")
    kept = tmp_path / "backups"

    made = facepass("backup", "--to", kept, "--json")
    assert made.returncode == ExitCode.OK, made.stderr
    name = json.loads(made.stdout)["name"]
    listed = facepass("backups", "--at", kept)
    assert listed.stdout.startswith(f"{name}  ")
    verified = facepass("verify-backup", "--from", kept / f"{name}.dump")
    assert verified.returncode == ExitCode.OK, verified.stderr
    assert "good" in verified.stdout
    await run_sql(newest_schema, "DELETE FROM sessions")
    await fill(newest_schema, "0004", "later")
    refused = facepass("restore", "--from", kept, "--yes")
    assert refused.returncode == ExitCode.REFUSED
    assert "--replace" in refused.stderr
    unconfirmed = facepass("restore", "--from", kept, "--replace")
    assert unconfirmed.returncode == ExitCode.REFUSED
    assert await sessions_in(newest_schema) == {"later": 3}

    restored = facepass("restore", "--from", kept / name, "--replace", "--yes")

    assert restored.returncode == ExitCode.OK, restored.stderr
    assert await sessions_in(newest_schema) == {"gala": 3}


async def test_a_damaged_backup_ends_with_1(facepass, newest_schema, tmp_path):
    kept = tmp_path / "backups"
    name = json.loads(facepass("backup", "--to", kept, "--json").stdout)["name"]
    dump = kept / f"{name}.dump"
    raw = bytearray(dump.read_bytes())
    raw[len(raw) // 2] ^= 1
    dump.write_bytes(raw)

    found = facepass("verify-backup", "--from", kept, "--json")

    assert found.returncode == ExitCode.REFUSED
    assert json.loads(found.stderr.partition("{")[1] + found.stderr.partition("{")[2])["code"] == "backup_damaged"


async def test_an_altered_table_ends_with_1_and_is_named(facepass, newest_schema, tmp_path):
    kept = tmp_path / "backups"
    name = json.loads(facepass("backup", "--to", kept, "--json").stdout)["name"]
    path = kept / f"{name}.json"
    manifest = json.loads(path.read_bytes())
    manifest["tables"][0]["checksum"] = "0" * 32
    path.write_text(json.dumps(manifest))

    found = facepass("verify-backup", "--from", kept)

    assert found.returncode == ExitCode.REFUSED
    assert "public.alembic_version has as many rows" in found.stdout


def test_an_address_of_an_object_store_needs_keys_and_a_bucket(facepass):
    for place, said in (("s3://bucket/prefix", "S3_SECRET_KEY"), ("s3://", "no bucket")):
        refused = facepass("backups", "--at", place)
        assert refused.returncode == ExitCode.CONFIGURATION
        assert said in refused.stderr


def test_no_backup_to_restore(facepass, tmp_path):
    assert facepass("backups", "--at", tmp_path / "none").stdout == "There is no backup here.\n"
    assert facepass("restore", "--from", tmp_path / "none", "--yes").returncode == ExitCode.REFUSED


def test_ctrl_c_leaves_nothing(environment, newest_schema, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore"):
        script = f"test \"$1\" = --version && echo '{name} (PostgreSQL) 99.1' || exec yes"
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    kept = tmp_path / "backups"
    running = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "facepass", "db", "backup", "--to", str(kept)],
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment | {"PATH": f"{programs}:{environment['PATH']}"},
    )
    deadline = time.monotonic() + TIMEOUT_S
    while not [path for path in kept.glob(".*") if path.stat().st_size]:
        assert time.monotonic() < deadline
        time.sleep(0.02)

    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=TIMEOUT_S)

    assert running.returncode == ExitCode.INTERRUPTED
    assert b"Interrupted." in said
    assert list(kept.iterdir()) == []


async def test_the_script_for_cron(run, newest_schema, tmp_path):
    facepass = tmp_path / "facepass"
    facepass.write_text(f'#!/bin/sh\nexec {sys.executable} -m facepass "$@"\n')
    facepass.chmod(0o755)
    done = run(SCRIPT, tmp_path / "backups", VERIFY="1", FACEPASS=str(facepass))

    assert done.returncode == 0, done.stderr
    assert "good" in done.stderr
    assert len(list((tmp_path / "backups").glob("*.dump"))) == 1
    assert await ask(newest_schema, "SELECT count(*) FROM pg_database WHERE datname ~ '^facepass_scratch'") == 0
    assert run(SCRIPT).returncode == 2
