"""An append-only trail of what was done to galleries: hash-chained, so that a change to the past shows.

Entry n carries SHA-256 over the hash of entry n-1 and its own canonical JSON. No entry holds a vector, a picture or an
id: a session appears as SHA-256 of its id, so that who knows the id can find what was done, and nobody else learns it
(an id may be somebody's name).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from facepass.domain.gallery import SessionId, canonical

GENESIS: Final = hashlib.sha256(b"facepass audit").digest()
"""What stands for the hash before the first entry."""


class AuditEvent(StrEnum):
    """What is recorded."""

    PHOTOS_INDEXED = "photos_indexed"
    SESSION_ERASED = "session_erased"
    SESSION_EXPIRED = "session_expired"
    PHOTO_ERASED = "photo_erased"
    PERSON_FORGOTTEN = "person_forgotten"
    MODEL_CHANGE_BEGUN = "model_change_begun"
    MODEL_CHANGE_SWITCHED = "model_change_switched"
    MODEL_CHANGE_ROLLED_BACK = "model_change_rolled_back"
    MODEL_CHANGE_FINISHED = "model_change_finished"
    IMPORTED = "imported"
    IMPORT_ROLLED_BACK = "import_rolled_back"
    KEYS_ROTATED = "keys_rotated"
    """Of encryption."""
    API_KEY_CREATED = "api_key_created"
    API_KEY_ROTATED = "api_key_rotated"
    API_KEY_REVOKED = "api_key_revoked"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that was done.

    Attributes:
        session: SHA-256 of the session's id as hexadecimal; None for what concerns no single session.
        photos, templates: how many were written or removed.
        model: whose templates, where that says something.
        receipt: of an erasure.
        api_key: prefix of the one concerned.
    """

    event: AuditEvent
    at: datetime
    session: str | None = None
    photos: int = 0
    templates: int = 0
    model: str | None = None
    receipt: str | None = None
    api_key: str | None = None

    def text(self) -> str:
        """Canonical JSON: what is hashed and stored."""
        facts = {
            "api_key": self.api_key,
            "at": self.at.isoformat(),
            "event": self.event,
            "model": self.model,
            "photos": self.photos,
            "receipt": self.receipt,
            "session": self.session,
            "templates": self.templates,
        }
        return canonical({name: value for name, value in facts.items() if value is not None}).decode()


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """An entry where it stands in the chain.

    Attributes:
        no: from 1, without gaps.
        text: canonical JSON of the entry, as it was hashed.
        hash: 32 bytes.
    """

    no: int
    text: str
    hash: bytes


@dataclass(frozen=True, slots=True)
class AuditVerdict:
    """What checking a chain found.

    Attributes:
        entries: how many were looked at.
        head: hash of the last good one, as hexadecimal: kept elsewhere, it proves later that nothing before it changed.
        broken_at: number of the first that does not follow from what is before it; None for a whole chain.
    """

    entries: int
    head: str
    broken_at: int | None


def digest(session_id: SessionId) -> str:
    """What a session is called in the trail."""
    return hashlib.sha256(session_id.encode()).hexdigest()


def link(before: bytes, text: str) -> bytes:
    """Hash of an entry that follows another."""
    return hashlib.sha256(before + text.encode()).digest()


class ChainCheck:
    """Follows a chain record by record, so that it need not be held in memory."""

    def __init__(self) -> None:
        self._entries = 0
        self._hash = GENESIS
        self._broken_at: int | None = None

    def follow(self, records: Iterable[AuditRecord]) -> None:
        """Look at the next records, in order of their numbers."""
        for record in records:
            self._entries += 1
            if self._broken_at is not None:
                continue
            expected = link(self._hash, record.text)
            if record.no != self._entries or record.hash != expected:
                self._broken_at = self._entries
            else:
                self._hash = expected

    def verdict(self, *, head_no: int, head_hash: bytes) -> AuditVerdict:
        """What was found, given where the store says that the chain ends: a cut-off end shows, too."""
        broken_at = self._broken_at
        if broken_at is None and (head_no, head_hash) != (self._entries, self._hash):
            broken_at = self._entries + 1
        return AuditVerdict(self._entries, self._hash.hex(), broken_at)
