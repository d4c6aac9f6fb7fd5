"""A gallery: the reference database of one photo session (ISO/IEC 2382-37)."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from facepass.domain.embedding import Embedding, ModelId
from facepass.domain.errors import Conflict, InvalidRequest
from facepass.domain.face import Face, ImageSize

MAX_ID_LENGTH = 255
"""Characters (code points), not bytes."""


class OpaqueId(str):
    """An identifier the caller chose: 1 to 255 characters, kept and returned exactly as given.

    No case folding, trimming or Unicode normalisation ever happens. Two things cannot be kept and are refused:
    U+0000, which PostgreSQL's text has no place for, and lone surrogates, which are no Unicode text.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, value: str, field: str) -> Self:
        """Check a caller's value.

        Raises:
            InvalidRequest: naming `field`.
        """
        if not 1 <= len(value) <= MAX_ID_LENGTH:
            raise InvalidRequest.field(field, f"must have 1 to {MAX_ID_LENGTH} characters, has {len(value)}")
        if "\x00" in value:
            raise InvalidRequest.field(field, "must not contain the character U+0000")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidRequest.field(field, "is not valid Unicode: contains a lone surrogate") from None
        return cls(value)


class SessionId(OpaqueId):
    """Names a photo session."""

    __slots__ = ()


class PhotoId(OpaqueId):
    """Names a photo inside its session."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Template:
    """A face that is stored for search: what was seen, and its embedding."""

    face: Face
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class Photo:
    """An indexed photo: everything that is kept of it. The picture itself is not."""

    session_id: SessionId
    photo_id: PhotoId
    size: ImageSize
    faces_detected: int
    templates: tuple[Template, ...]
    indexed_at: datetime

    def dimension_for(self, model: ModelId) -> int | None:
        """Components of the photo's templates; None without any.

        Raises:
            Conflict: they are not all of `model` and of one dimension.
        """
        if any(template.embedding.model != model for template in self.templates):
            raise Conflict(f"a photo indexed with {model} holds templates of another model")
        dimensions = {template.embedding.dimension for template in self.templates}
        if len(dimensions) > 1:
            raise Conflict("the templates of a photo differ in dimension")
        return dimensions.pop() if dimensions else None


@dataclass(frozen=True, slots=True)
class GalleryStatus:
    """A gallery in numbers."""

    session_id: SessionId
    model: ModelId
    photo_count: int
    face_count: int
    photos_without_faces: int
    last_indexed: datetime | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """What deleting a gallery removed: proof for whoever asked, without anything biometric.

    Attributes:
        receipt: SHA-256 over the canonical JSON of the other fields, as hexadecimal.
    """

    session_id: SessionId
    embeddings_removed: int
    photos_removed: int
    erased_at: datetime

    @property
    def deleted(self) -> bool:
        """Whether anything was there."""
        return self.photos_removed > 0

    @property
    def receipt(self) -> str:
        """SHA-256 of the erasure's canonical JSON, as hexadecimal: the same facts give the same receipt."""
        facts = {
            "embeddings_removed": self.embeddings_removed,
            "erased_at": self.erased_at.isoformat(),
            "photos_removed": self.photos_removed,
            "session_id": self.session_id,
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
