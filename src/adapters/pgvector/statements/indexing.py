"""The indexes of very large sessions."""

from typing import Any

from sqlalchemy import Row

from facepass.adapters.pgvector.search.approximate import HnswParameters, index_name
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


def create_index(session: Row[Any], parameters: HnswParameters) -> str:
    """The statement that builds a session's index while it is written to and searched."""
    name = index_name(session.pk, session.model_pk)
    return (
        f'CREATE INDEX CONCURRENTLY "{name}" ON faces_{session.model_pk:d}'
        f" USING hnsw ((embedding::halfvec({session.dimension:d})) halfvec_ip_ops)"
        f" WITH (m = {parameters.m:d}, ef_construction = {parameters.ef_construction:d})"
        f" WHERE session_pk = {session.pk:d}"
    )
