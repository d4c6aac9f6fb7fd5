"""All galleries together."""

from facepass.adapters.pgvector.statements.sql import sql

SESSIONS = sql("""
    SELECT session_id FROM sessions WHERE model_pk IS NOT NULL AND session_id > :after ORDER BY session_id LIMIT :limit
""")
LAST_INDEXED_BEFORE = sql("""
    SELECT session_id FROM sessions WHERE model_pk IS NOT NULL AND coalesce(last_indexed, created_at) < :before
    ORDER BY coalesce(last_indexed, created_at), session_id LIMIT :limit
""")
PURGE_SESSIONS = sql("DELETE FROM sessions WHERE model_pk IS NULL AND erased_at < :before")
PURGE_TOMBSTONES = sql("""
    DELETE FROM tombstones WHERE session_pk IN (
        SELECT session_pk FROM tombstones GROUP BY session_pk HAVING max(erased_at) < :before)
""")
"""All of a session at once or none: what a session still has is then complete, see `in_memory_search`."""
TOTALS = sql("""
    SELECT count(*) AS sessions, coalesce(sum(s.face_count), 0)::bigint AS embeddings,
        (SELECT count(*) FROM photos p JOIN sessions o ON o.pk = p.session_pk AND o.model_pk = p.model_pk) AS photos,
        (SELECT sum(pg_total_relation_size(relid))::bigint FROM pg_partition_tree('faces'))
            + pg_total_relation_size('photos') + pg_total_relation_size('sessions') AS size_bytes
    FROM sessions s WHERE s.model_pk IS NOT NULL
""")
LAST_BACKUP = sql("SELECT taken_at FROM last_backup")
