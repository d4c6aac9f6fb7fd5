"""Which programs are taken, and what is told of their failures."""

import asyncio
import os
from contextlib import aclosing

import pytest

from facepass.adapters.backup.programs import ProgramFailed, feed, find_programs, output_of
from facepass.domain.errors import ConfigurationError

ENVIRONMENT = {"PATH": os.defpath}


@pytest.fixture
def script(tmp_path):
    """Writes a program."""

    def writing(text, name="pg_restore"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return writing


@pytest.fixture
def release(script, tmp_path):
    """Makes a folder with the programs of a release."""

    def making(major):
        for name in ("pg_dump", "pg_restore"):
            script(f"echo '{name} (PostgreSQL) {major}.4 (Debian {major}.4-1)'", f"{major}/{name}")
        return tmp_path / str(major)

    return making


def test_the_first_that_are_new_enough_are_taken(release, tmp_path):
    folders = [tmp_path / "missing", release(15), release(17), release(18)]

    assert find_programs(folders, least_major=16).major == 17
    assert find_programs(folders, least_major=15).pg_dump == tmp_path / "15" / "pg_dump"
    with pytest.raises(ConfigurationError, match="PostgreSQL 19"):
        find_programs(folders, least_major=19)


def test_both_programs_are_needed(release):
    folder = release(18)
    (folder / "pg_restore").unlink()
    with pytest.raises(ConfigurationError):
        find_programs([folder], least_major=1)


async def chunks(*parts):
    for part in parts:
        yield part


async def test_a_failure_is_told_without_the_values_of_rows(script):
    program = script(
        "cat > /dev/null\n"
        "echo 'pg_restore: warning: never mind' >&2\n"
        'echo \'pg_restore: error: COPY failed for table "faces": ERROR: no halfvec: "[0.1,0.2\' >&2\n'
        "echo 'CONTEXT:  COPY faces, line 1: \"[0.1,0.2]\"' >&2\nexit 1"
    )

    with pytest.raises(ProgramFailed) as failed:
        await feed(program, [], ENVIRONMENT, chunks(b"x"))

    assert failed.value.detail == 'pg_restore: COPY failed for table "faces": ERROR: no halfvec: '


async def test_a_program_that_ends_early_says_why_itself(script):
    program = script("echo 'pg_restore: error: not an archive' >&2; exit 1")

    with pytest.raises(ProgramFailed, match="not an archive"):
        await feed(program, [], ENVIRONMENT, chunks(*[bytes(1 << 20)] * 8))


async def test_chunks_that_fail_end_the_program(script, tmp_path):
    async def failing():
        yield b"x"
        raise OSError("gone")

    program = script(f"echo $$ > {tmp_path}/pid; cat > /dev/null; touch {tmp_path}/whole")

    with pytest.raises(OSError, match="gone"):
        await feed(program, [], ENVIRONMENT, failing())

    assert not (tmp_path / "whole").exists()


async def test_output_that_nobody_wants_any_more_ends_the_program(script, tmp_path):
    program = script(f"echo $$ > {tmp_path}/pid; exec yes")

    async with aclosing(output_of(program, [], ENVIRONMENT)) as output:
        await anext(output)
        pid = int(await asyncio.to_thread((tmp_path / "pid").read_text))

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_output_comes_whole(script):
    program = script("head -c 3000000 /dev/zero")
    parts = [part async for part in output_of(program, [], ENVIRONMENT)]
    assert b"".join(parts) == bytes(3_000_000)
