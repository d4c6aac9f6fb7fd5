"""Where a file of a form is kept while it arrives and waits: small in memory, larger on disk.

A picture of some megabytes waits longer than it is worked on, and many may wait. On disk they cost no memory of the
process, and are read again one by one, when their turn has come. The file has no name (`O_TMPFILE`, or unlinked at
once), so nobody else can open it, and nothing of it is left however the process ends. Where no file can be made, as on
a read-only machine, everything stays in memory, whose budget bounds it all the same.

Writing goes to the page cache from the event loop: a chunk of 64 KiB takes some tens of microseconds, less than a way
to a thread and back.
"""

import asyncio
import tempfile
from io import BytesIO
from threading import Lock
from typing import BinaryIO, Final

import structlog

from facepass.application.byte_budget import ByteLease
from facepass.application.ports import PictureFile, WaitingPicture
from facepass.domain.errors import Overloaded

MAX_IN_MEMORY_BYTES: Final = 1024 * 1024
"""Of a file that is not written to disk."""
RETRY_AFTER_S: Final = 5

_log = structlog.stdlib.get_logger("facepass.http")


class Spooled(WaitingPicture):
    """A file on disk, read as a whole."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._one_reads = Lock()

    async def read(self) -> bytes:
        """See `WaitingPicture.read`."""
        return await asyncio.to_thread(self._read)

    def _read(self) -> bytes:
        with self._one_reads:
            self._file.seek(0)
            return self._file.read()


class Spool:
    """One file that arrives. Its bytes were taken of `memory` before they come here.

    Args:
        memory: gets back what goes to disk.
        disk: what waits on disk.
    """

    def __init__(self, *, memory: ByteLease, disk: ByteLease) -> None:
        self._memory = memory
        self._disk = disk
        self._gathered = BytesIO()
        self._file: BinaryIO | None = None
        self._stays = False

    def write(self, chunk: bytes) -> None:
        """Keep what has arrived.

        Raises:
            Overloaded: as much waits on disk as may, or the disk is full.
        """
        if self._file is None:
            self._gathered.write(chunk)
            if self._gathered.tell() > MAX_IN_MEMORY_BYTES and not self._stays:
                self._move()
        else:
            self._append(self._file, chunk)

    def finish(self) -> PictureFile:
        """All of it."""
        if self._file is None:
            return self._gathered.getvalue()
        return Spooled(self._file)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _move(self) -> None:
        try:
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - `close` closes it
        except OSError as error:
            _log.warning("uploads_stay_in_memory", reason=error.strerror)
            self._stays = True
            return
        gathered, self._gathered = self._gathered, BytesIO()
        self._append(self._file, gathered.getvalue())

    def _append(self, file: BinaryIO, chunk: bytes) -> None:
        self._disk.take(len(chunk))
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            _log.error("upload_not_written", reason=error.strerror)
            raise Overloaded("There is no room for the picture while it waits.", retry_after_s=RETRY_AFTER_S) from error
        self._memory.give_back(len(chunk))
