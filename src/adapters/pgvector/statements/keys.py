"""The wrapped data keys."""

from facepass.adapters.pgvector.statements.sql import sql

OTHER_KEYS = sql("""
    SELECT k.session_pk, s.session_id, k.key_id, k.data_key
    FROM session_keys k
    JOIN sessions s ON s.pk = k.session_pk
    WHERE k.key_id <> :key_id AND k.session_pk > :session_pk
    ORDER BY k.session_pk LIMIT :limit
    FOR UPDATE OF k
""")
"""Keys wrapped under another key than the newest; held, so that none is erased between its reading and its writing."""

REWRAP = sql("UPDATE session_keys SET key_id = :key_id, data_key = :data_key WHERE session_pk = :session_pk")
