"""What was erased."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from facepass.domain.gallery import ErasureKind
from facepass.entrypoints.http.schemas.search import QueryFace
from facepass.entrypoints.http.schemas.values import Count, Fraction, Id

Receipt = Annotated[str, Meta(pattern="^[0-9a-f]{64}$", description="SHA-256; the audit trail holds it, too.")]


class Erasure(Struct, frozen=True):
    """What deleting a session or a photo removed. `receipt` is a SHA-256 over all of it but `deleted`."""

    kind: ErasureKind
    session_id: Id
    photo_id: Annotated[Id | None, Meta(description="Null where the whole session was erased.")]
    deleted: bool
    embeddings_removed: Count
    photos_removed: Count
    erased_at: datetime
    receipt: Receipt


class Forgotten(Struct, frozen=True):
    """What forgetting a person removed. `receipt` is that of an erasure of `faces_removed` embeddings and no photo."""

    kind: ErasureKind
    session_id: Id
    deleted: bool
    faces_removed: Annotated[
        int, Meta(ge=0, description="While a session changes its model, counted once for each of the two.")
    ]
    threshold: Fraction
    query_face: QueryFace
    erased_at: datetime
    receipt: Receipt
