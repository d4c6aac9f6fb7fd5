"""Processes that are killed at moments which they have reached, and old databases for them to import."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import numpy as np
import numpy.typing as npt
import psutil

MOMENT_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.01

OLD_TABLE = """
    CREATE EXTENSION IF NOT EXISTS vector;
    CREATE TABLE face_embeddings (
        id bigint PRIMARY KEY, face_id text, event_id text, photo_id text, session_id text,
        embedding vector(512), confidence real, created_at timestamptz DEFAULT now()
    );
"""


def kills_asked_for() -> int:
    """How often something is killed in one test: a few times in every run of the suite, 20 times in `make chaos`."""
    return int(os.environ.get("CHAOS_KILLS", "5"))


@dataclass(frozen=True, slots=True)
class OldFace:
    """A row of the first generation; its vector is made of its number."""

    number: int
    session: str | None
    photo: str | None


def old_vector(number: int) -> npt.NDArray[np.float64]:
    """512 components without a pattern, of norm 1, the same for the same number."""
    vector = np.random.default_rng(number).standard_normal(512)
    return vector / np.linalg.norm(vector)


def old_faces(photos: int, *, sessions: int) -> list[OldFace]:
    """Photos of 1, 2 and 3 faces in turn, dealt out to the sessions."""
    places = [place for place in range(photos) for _ in range(1 + place % 3)]
    return [OldFace(number, f"session {place % sessions}", f"photo {place}") for number, place in enumerate(places)]


async def fill_old_database(url: str, faces: Sequence[OldFace]) -> None:
    """Make the table of the first generation."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(OLD_TABLE)
        await connection.executemany(
            "INSERT INTO face_embeddings (id, face_id, photo_id, session_id, embedding, confidence)"
            " VALUES ($1, $2, $3, $4, $5::text::vector, 0.9)",
            [
                (one.number, f"f{one.number}", one.photo, one.session, str(old_vector(one.number).tolist()))
                for one in faces
            ],
        )
    finally:
        await connection.close()


class Victim:
    """A process of ours that is started as often as it is killed.

    Attributes:
        starts: how often it was started.
        output: of all its runs, standard error among it.
    """

    def __init__(self, arguments: Sequence[str], variables: Mapping[str, str], folder: Path) -> None:
        self._arguments = [sys.executable, *arguments]
        kept = ("PATH", "HOME", "LANG", "PYTHONPATH", "COVERAGE_PROCESS_START")
        self._variables = {name: os.environ[name] for name in kept if name in os.environ} | dict(variables)
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.output = folder / "output"
        self.starts = 0

    def start(self) -> None:
        """Start it, where it does not run."""
        if self._process is not None and self._process.poll() is None:
            return
        self.starts += 1
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                self._arguments, env=self._variables, cwd=self._folder, stdout=output, stderr=output
            )

    @property
    def exit_code(self) -> int | None:
        """Of the last run; None while it lasts."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """End it as the kernel would, and see it gone."""
        if self._process is not None:
            self._process.kill()
            assert self._process.wait(timeout=10) == -signal.SIGKILL, self.words()

    async def end(self, *, timeout_s: float = MOMENT_TIMEOUT_S) -> int:
        """Wait until it ends by itself; its exit code."""
        process = self._process
        assert process is not None
        return await asyncio.to_thread(process.wait, timeout_s)

    def stop(self) -> None:
        """Whatever a test left of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(timeout=10)

    def words(self) -> str:
        """What it said in all its runs."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""


async def moment(reached: Callable[[], Awaitable[bool]], victim: Victim, *, looks: int) -> bool:
    """Wait until the victim has got somewhere, and so many looks longer. False: it has ended before.

    Raises:
        TimeoutError: it never got there.
    """
    async with asyncio.timeout(MOMENT_TIMEOUT_S):
        while looks >= 0:
            if victim.exit_code is not None:
                return False
            looks -= await reached()
            await asyncio.sleep(LOOK_EVERY_S)
    return True


def kill_postmaster(data_dir: Path) -> bool:
    """End the embedded server of a DATA_DIR as the kernel would, without a word; whether it ran."""
    try:
        pid = int((data_dir / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        process = psutil.Process(pid)
        if not process.is_running() or process.name() != "postgres":
            return False
        process.kill()
    except (FileNotFoundError, IndexError, ValueError, psutil.NoSuchProcess):
        return False
    with suppress(psutil.TimeoutExpired):  # a zombie of somebody else's is gone, too
        process.wait(timeout=5)
    return True
