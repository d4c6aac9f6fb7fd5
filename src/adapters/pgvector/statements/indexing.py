"""The indexes of very large sessions."""

from typing import Any

from sqlalchemy import Row, TextClause, text

from facepass.adapters.pgvector.statements.sql import sql
from facepass.adapters.pgvector.tables import faces

LARGE_SESSIONS = sql("""
    SELECT s.pk, s.model_pk, s.face_count, m.name AS model, m.dimension, p.first_photo, p.last_photo
    FROM sessions s
    JOIN models m ON m.pk = s.model_pk
    JOIN LATERAL (
        SELECT min(pk) AS first_photo, max(pk) AS last_photo FROM photos
        WHERE session_pk = s.pk AND model_pk = s.model_pk) p ON true
    WHERE s.face_count > :faces AND NOT EXISTS (SELECT FROM session_keys k WHERE k.session_pk = s.pk)
""")

INDEXES = sql("""
    SELECT c.relname AS name, i.indisvalid AS valid, pg_relation_size(c.oid) AS size_bytes
    FROM pg_class c
    JOIN pg_index i ON i.indexrelid = c.oid
    JOIN pg_inherits h ON h.inhrelid = i.indrelid AND h.inhparent = 'faces'::regclass
    JOIN pg_am a ON a.oid = c.relam AND a.amname = 'hnsw'
    ORDER BY c.relname
""")

ONE_FACE = sql("""
    SELECT embedding FROM faces WHERE session_pk = :session_pk AND model_pk = :model_pk AND photo_pk >= :photo_pk
    ORDER BY photo_pk, face_no LIMIT 1
""").columns(faces.c.embedding)


IS_VALID = sql("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")

SET_PARAMETERS = text("""
    SELECT set_config('hnsw.ef_search', :ef_search, true), set_config('hnsw.iterative_scan', 'strict_order', true),
        set_config('hnsw.max_scan_tuples', :max_scan, true)
""")
"""For one transaction."""

PHOTO_IDS = sql("""
    SELECT pk, photo_id FROM photos
    WHERE session_pk = :session_pk AND model_pk = :model_pk AND pk = ANY(:photo_pks)
""")


def index_name(session_pk: int, model_pk: int) -> str:
    """Of a session's index."""
    return f"faces_{model_pk:d}_session_{session_pk:d}_hnsw"


def nearest(session: Row[Any]) -> TextClause:
    """The faces nearest to a probe; numbers of ours stand in the text, because a partial index needs to see them."""
    dimension, pk, model_pk = int(session.dimension), int(session.pk), int(session.model_pk)
    distance = f"embedding::halfvec({dimension}) <#> (:half_probe)::halfvec({dimension})"
    return sql(f"""
        SELECT photo_pk, face_no, confidence, box_x, box_y, box_width, box_height, embedding,
            -({distance}) AS approximate
        FROM faces_{model_pk} WHERE session_pk = {pk} ORDER BY {distance} LIMIT :limit
    """)  # noqa: S608 - integers  # nosec


def create_index(session: Row[Any], *, m: int, ef_construction: int) -> str:
    """The statement that builds a session's index while it is written to and searched."""
    name = index_name(session.pk, session.model_pk)
    return (
        f'CREATE INDEX CONCURRENTLY IF NOT EXISTS "{name}" ON faces_{session.model_pk:d}'
        f" USING hnsw ((embedding::halfvec({session.dimension:d})) halfvec_ip_ops)"
        f" WITH (m = {m:d}, ef_construction = {ef_construction:d})"
        f" WHERE session_pk = {session.pk:d}"
    )
