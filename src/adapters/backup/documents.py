"""The JSON documents that lie beside dumps, and how files are called.

What a document says is not trusted: names of files are made from the name that was asked for, never read from it.
"""

import re
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from facepass.domain.errors import FacePassError

FORMAT = 1
KEYS = "keys.json"
ERASURES = "erasures.json"
MAX_DOCUMENT_BYTES = 256 << 20
_TIME = "%Y%m%d-%H%M%S-%f"
_NAME = re.compile(r"facepass-(\d{8}-\d{6}-\d{6})")

T = TypeVar("T")


class DamagedBackup(FacePassError):
    """A backup is not, or not any more, what was made."""

    code = "backup_damaged"
    title = "Damaged backup"


class Document(msgspec.Struct, frozen=True):
    """A document of this format; fields that a later version adds are passed over."""


class TableFingerprint(Document, frozen=True):
    """What a table holds, in brief.

    Attributes:
        name: with its schema, quoted as SQL needs it.
        checksum: 32 hexadecimal digits over the text of all rows, in whatever order.
    """

    name: str
    rows: int
    checksum: str


class Manifest(Document, frozen=True, kw_only=True):
    """What a backup holds.

    Attributes:
        created_at: of the snapshot, by the server's clock.
        database: its name.
        schema_revision: of the migrations; None where none were run.
        postgresql: version of the server.
        pg_dump: release of the program that wrote the dump; an older `pg_restore` may not read it.
        tables: every table whose rows the dump holds.
        size_bytes: of the dump; `sha256` is its digest, hexadecimal.
    """

    name: str
    created_at: datetime
    database: str
    facepass: str
    schema_revision: str | None
    postgresql: str
    pg_dump: int
    tables: tuple[TableFingerprint, ...]
    size_bytes: int
    sha256: str
    format: int = FORMAT


class SessionKey(Document, frozen=True):
    """A session's data key, wrapped by the key called `key_id`."""

    session_pk: int
    session_id: str
    key_id: str
    data_key: bytes


class KeyFile(Document, frozen=True):
    """The keys of the sessions that lived when the newest backup was made."""

    database: str
    written_at: datetime
    keys: tuple[SessionKey, ...]
    format: int = FORMAT


class SessionErasure(Document, frozen=True):
    """A session was erased with everything in it."""

    session_id: str
    erased_at: datetime


class PhotoErasure(Document, frozen=True):
    """A photo was erased from a session that stayed."""

    session_id: str
    photo_id: str
    erased_at: datetime


class ErasureFile(Document, frozen=True):
    """What was erased since the oldest backup that is left."""

    database: str
    sessions: tuple[SessionErasure, ...] = ()
    photos: tuple[PhotoErasure, ...] = ()
    format: int = FORMAT


def encode(document: Document) -> bytes:
    """As JSON, indented: operators read it too."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def decode(raw: bytes, kind: type[T], *, called: str) -> T:
    """The document that is called so.

    Raises:
        DamagedBackup: it is none, or of a format that a later version writes.
    """
    try:
        document = msgspec.json.decode(raw, type=kind)
    except msgspec.DecodeError as error:
        raise DamagedBackup(f"{called} is damaged: {type(error).__name__}") from error
    if getattr(document, "format", FORMAT) != FORMAT:
        raise DamagedBackup(f"{called} is of a later format: restore it with a newer FacePass")
    return document


def name_at(created_at: datetime) -> str:
    """What a backup of that moment is called."""
    return f"facepass-{created_at.astimezone(UTC).strftime(_TIME)}"


def time_of(name: str) -> datetime | None:
    """The moment that a backup's name tells; None where it is no such name."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def dump_of(name: str) -> str:
    """The file of the dump."""
    return f"{name}.dump"


def manifest_of(name: str) -> str:
    """The file of the manifest."""
    return f"{name}.json"
