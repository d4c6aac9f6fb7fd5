"""A gallery: the reference database of one photo session (ISO/IEC 2382-37)."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
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
class UnlocatedFace:
    """A face that an earlier system indexed without keeping where in its photo it is.

    Attributes:
        face_no: its place in the photo, from 0.
        confidence: detection score, 0 to 1.
    """

    face_no: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Template:
    """A face that is stored for search: what was seen, and its embedding."""

    face: Face | UnlocatedFace
    embedding: Embedding


@dataclass(frozen=True, slots=True)
class Photo:
    """An indexed photo: everything that is kept of it. The picture itself is not.

    Attributes:
        size: None of what an earlier system indexed without keeping it.
        source_key: under which an image source holds the picture; None for one that was uploaded.
        requested_at: when somebody asked for it to be indexed, which may be long before it was; None: no matter.
    """

    session_id: SessionId
    photo_id: PhotoId
    size: ImageSize | None
    faces_detected: int
    templates: tuple[Template, ...]
    indexed_at: datetime
    source_key: str | None = None
    requested_at: datetime | None = None

    def check_space(self, space: TemplateSpace) -> None:
        """See that every template is of one space.

        Raises:
            Conflict: one is of another model or dimension.
        """
        if any(template.embedding.model != space.model for template in self.templates):
            raise Conflict(f"a photo indexed with {space.model} holds templates of another model")
        if any(template.embedding.dimension != space.dimension for template in self.templates):
            raise Conflict(f"a photo indexed with {space.model} holds templates that have not {space.dimension} parts")


class ModelChange(StrEnum):
    """How far a gallery is on its way to another model."""

    BUILDING = "building"
    """The gallery's model serves, the other one's templates are made."""
    SWITCHED = "switched"
    """The new model serves, the former one's templates are kept for the way back."""


@dataclass(frozen=True, slots=True)
class GalleryState:
    """What must be known of a gallery before working on it.

    Attributes:
        revision: grows by one with every write of the gallery; 0 for one never seen.
        space: of the templates that are served; None where the gallery holds nothing.
        other: of a gallery that changes its model, the space it changes to or has changed from.
        face_count: templates that are served.
    """

    revision: int = 0
    space: TemplateSpace | None = None
    other: TemplateSpace | None = None
    change: ModelChange | None = None
    face_count: int = 0

    @property
    def spaces(self) -> tuple[TemplateSpace, ...]:
        """Those that every photo indexed now must have templates of; the served one first."""
        return tuple(space for space in (self.space, self.other) if space is not None)


@dataclass(frozen=True, slots=True)
class GalleryStatus:
    """A gallery in numbers."""

    session_id: SessionId
    model: ModelId
    photo_count: int
    face_count: int
    photos_without_faces: int
    last_indexed: datetime | None


class ErasureKind(StrEnum):
    """What was erased."""

    SESSION = "session"
    PHOTO = "photo"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased: proof for whoever asked, without anything biometric.

    Attributes:
        photo_id: of a photo that was erased by name.
        embeddings_removed: templates; while a gallery changes its model, of both models.
        photos_removed: photos with all that was kept of them; forgetting a person removes faces only, and none.
        receipt: SHA-256 over the canonical JSON of the other fields, as hexadecimal.
    """

    kind: ErasureKind
    session_id: SessionId
    embeddings_removed: int
    photos_removed: int
    erased_at: datetime
    photo_id: PhotoId | None = None

    @property
    def deleted(self) -> bool:
        """Whether anything was there."""
        return self.photos_removed > 0 or self.embeddings_removed > 0

    @property
    def receipt(self) -> str:
        """SHA-256 of the erasure's canonical JSON, as hexadecimal: the same facts give the same receipt."""
        facts = {
            "embeddings_removed": self.embeddings_removed,
            "erased_at": self.erased_at.isoformat(),
            "kind": self.kind,
            "photo_id": self.photo_id,
            "photos_removed": self.photos_removed,
            "session_id": self.session_id,
        }
        return hashlib.sha256(canonical(facts)).hexdigest()


def canonical(facts: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no spaces, as UTF-8: equal facts are equal bytes."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
