"""Backups in a folder, which may be a mounted disk of another machine. Files are the owner's alone."""

import asyncio
import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from facepass.adapters.backup.store import BackupStore
from facepass.domain.errors import ConfigurationError, NotFound

CHUNK_BYTES = 1 << 20
UNFINISHED = ".partial"


class FolderStore(BackupStore):
    """Files of one folder, made on the first write.

    A file is written under a name that begins with a dot, synchronised to the disk and then renamed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def names(self) -> tuple[str, ...]:
        """See `BackupStore.names`."""
        return await asyncio.to_thread(self._names)

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """See `BackupStore.put`.

        Raises:
            ConfigurationError: the folder does not take it: rights, room.
        """
        partial = self._folder / f".{name}.{secrets.token_hex(4)}{UNFINISHED}"
        with self._told():
            file = await asyncio.to_thread(self._create, partial)
        try:
            with file:
                async for chunk in chunks:
                    with self._told():
                        await asyncio.to_thread(file.write, chunk)
                with self._told():
                    await asyncio.to_thread(_synchronise, file)
            with self._told():
                await asyncio.to_thread(self._publish, partial, self._folder / name)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    async def chunks(self, name: str) -> AsyncIterator[bytes]:
        """See `BackupStore.chunks`."""
        try:
            with self._told():
                file = await asyncio.to_thread((self._folder / name).open, "rb")
        except ConfigurationError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise NotFound(f"there is no {name} in {self._folder}") from error.__cause__
            raise
        with file:
            while chunk := await self._read(file):
                yield chunk

    async def delete(self, name: str) -> None:
        """See `BackupStore.delete`."""
        with self._told():
            await asyncio.to_thread((self._folder / name).unlink, missing_ok=True)

    async def clear_unfinished(self) -> None:
        """See `BackupStore.clear_unfinished`."""
        with self._told():
            for path in self._folder.glob(f".*{UNFINISHED}"):
                path.unlink(missing_ok=True)

    async def _read(self, file: BinaryIO) -> bytes:
        with self._told():
            return await asyncio.to_thread(file.read, CHUNK_BYTES)

    def _names(self) -> tuple[str, ...]:
        with self._told():
            if not self._folder.exists():
                return ()
            return tuple(sorted(path.name for path in self._folder.iterdir() if not path.name.startswith(".")))

    def _create(self, partial: Path) -> BinaryIO:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def _publish(self, partial: Path, final: Path) -> None:
        partial.replace(final)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Translate what the operating system refuses."""
        try:
            yield
        except OSError as error:
            raise ConfigurationError(f"the backup folder {self._folder} cannot be used: {error.strerror}") from error


def _synchronise(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
