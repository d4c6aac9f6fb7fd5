"""Where backups are kept, as the rest of this package sees it: a folder, or a prefix of an object store."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Protocol, TypeVar

from facepass.adapters.backup.documents import (
    MAX_DOCUMENT_BYTES,
    DamagedBackup,
    Document,
    Manifest,
    decode,
    dump_of,
    encode,
    manifest_of,
    time_of,
)
from facepass.domain.errors import NotFound

T = TypeVar("T")


class BackupStore(Protocol):
    """Files that appear whole or not at all."""

    @abstractmethod
    async def names(self) -> tuple[str, ...]:
        """Of all files, sorted; those that are being written are not among them."""

    @abstractmethod
    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a file, over the one of that name; when the chunks fail, nothing has changed."""

    @abstractmethod
    def chunks(self, name: str) -> AsyncIterator[bytes]:
        """The bytes of a file, a bounded number at once.

        Raises:
            NotFound: there is none of that name.
        """

    @abstractmethod
    async def delete(self, name: str) -> None:
        """Remove a file; harmless where there is none."""

    @abstractmethod
    async def clear_unfinished(self) -> None:
        """Remove what writers that were killed have left behind."""


async def write(store: BackupStore, name: str, document: Document) -> None:
    """Write a document."""

    async def chunks() -> AsyncIterator[bytes]:
        yield encode(document)

    await store.put(name, chunks())


async def read(store: BackupStore, name: str, kind: type[T]) -> T | None:
    """The document in a file; None where there is no such file.

    Raises:
        DamagedBackup: it cannot be read, or is too large.
    """
    raw = bytearray()
    try:
        async for chunk in store.chunks(name):
            raw += chunk
            if len(raw) > MAX_DOCUMENT_BYTES:
                raise DamagedBackup(f"{name} has more than {MAX_DOCUMENT_BYTES} bytes")
    except NotFound:
        return None
    return decode(bytes(raw), kind, called=name)


async def backups_in(store: BackupStore) -> tuple[str, ...]:
    """Names of the backups that are whole, oldest first."""
    files = set(await store.names())
    names = (name.removesuffix(".json") for name in files if name.endswith(".json"))
    return tuple(sorted(name for name in names if time_of(name) and dump_of(name) in files))


async def manifest_at(store: BackupStore, name: str | None) -> Manifest:
    """The manifest of a backup; of the newest where none is named.

    Raises:
        NotFound: there is no such backup, or none at all.
        DamagedBackup: the manifest cannot be read, or is that of another backup.
    """
    if name is None:
        names = await backups_in(store)
        if not names:
            raise NotFound("there is no backup here")
        name = names[-1]
    manifest = await read(store, manifest_of(name), Manifest) if time_of(name) else None
    if manifest is None:
        raise NotFound(f"there is no backup {name} here")
    if manifest.name != name:
        raise DamagedBackup(f"{manifest_of(name)} is the manifest of another backup, {manifest.name}")
    return manifest
