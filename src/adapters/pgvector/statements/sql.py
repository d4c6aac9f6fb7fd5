"""SQL as text with typed parameters: one name means one thing, and has one type, in all statements."""

from typing import Any

from sqlalchemy import BigInteger, Double, Integer, LargeBinary, SmallInteger, Text, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine

from facepass.adapters.pgvector.tables import INSTANT
from facepass.adapters.pgvector.types import ProbeVector, Template

_TYPES: dict[str, TypeEngine[Any]] = {
    "after": Text(),
    "after_no": BigInteger(),
    "after_unit": Integer(),
    "at": INSTANT,
    "before": INSTANT,
    "before_job": Text(),
    "code": Text(),
    "data_key": LargeBinary(),
    "detail": Text(),
    "detected": ARRAY(Integer),
    "digest": LargeBinary(),
    "dimension": Integer(),
    "entry": Text(),
    "expires_at": INSTANT,
    "face_nos": ARRAY(Integer),
    "faces": BigInteger(),
    "faces_found": Integer(),
    "faces_kept": Integer(),
    "heights": ARRAY(Integer),
    "half_probe": Template(),
    "indexed": ARRAY(Integer),
    "instants": ARRAY(INSTANT),
    "job": Text(),
    "key_id": Text(),
    "kind": Text(),
    "least_cosine": Double(),
    "limit": Integer(),
    "model": Text(),
    "model_pk": SmallInteger(),
    "most": Integer(),
    "name": Text(),
    "other_faces": BigInteger(),
    "other_model_pk": SmallInteger(),
    "photo": Text(),
    "photo_pk": BigInteger(),
    "photo_pks": ARRAY(BigInteger),
    "photos": ARRAY(Text),
    "prefix": Text(),
    "probe": ProbeVector(),
    "revision": BigInteger(),
    "requested": ARRAY(INSTANT),
    "revoked_at": INSTANT,
    "scopes": ARRAY(Text),
    "session": Text(),
    "session_pk": BigInteger(),
    "source_keys": ARRAY(Text),
    "token_id": Text(),
    "unit_no": Integer(),
    "widths": ARRAY(Integer),
}


def sql(statement: str) -> TextClause:
    """A statement whose `:name` parameters have the types of their names."""
    clause = text(statement)
    return clause.bindparams(*(bindparam(name, type_=_TYPES[name]) for name in clause.compile().params))
