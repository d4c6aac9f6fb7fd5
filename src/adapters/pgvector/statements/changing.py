"""Galleries on their way to another model. The session's row is locked first, as by every writer."""

from facepass.adapters.pgvector.statements.sql import sql

LOCK_SESSION = sql("""
    UPDATE sessions SET revision = revision + 1 WHERE session_id = :session
    RETURNING pk, revision, model_pk, other_model_pk, change
""")
"""No row: a session that was never seen."""

BEGIN = sql("UPDATE sessions SET other_model_pk = :other_model_pk, change = 'building' WHERE pk = :session_pk")

_PENDING = """
    FROM sessions s
    JOIN photos p ON p.session_pk = s.pk AND p.model_pk = s.model_pk
    LEFT JOIN photos built ON built.session_pk = s.pk AND built.model_pk = s.other_model_pk
        AND built.photo_id = p.photo_id
    WHERE s.session_id = :session AND s.change = 'building' AND (built.pk IS NULL OR built.revision < p.revision)
"""
# A photo is up to date when what was built of it is no older than what is served.
PENDING = sql(f"""
    SELECT p.photo_id, p.source_key, p.revision {_PENDING} AND p.photo_id > :after ORDER BY p.photo_id LIMIT :limit
""")
COUNT_PENDING = sql(f"SELECT count(*) {_PENDING}")

SERVED_REVISION = sql("""
    SELECT revision FROM photos WHERE session_pk = :session_pk AND model_pk = :model_pk AND photo_id = :photo
""")

SWITCH = sql("""
    UPDATE sessions SET model_pk = other_model_pk, other_model_pk = model_pk, change = 'switched',
        face_count = other_face_count, other_face_count = face_count
    WHERE pk = :session_pk
""")
SWITCH_BACK = sql("""
    UPDATE sessions SET model_pk = other_model_pk, other_model_pk = model_pk,
        face_count = other_face_count, other_face_count = face_count
    WHERE pk = :session_pk
""")
END = sql("""
    UPDATE sessions SET other_model_pk = NULL, change = NULL, other_face_count = 0 WHERE pk = :session_pk
""")
DELETE_FACES = sql("DELETE FROM faces WHERE session_pk = :session_pk AND model_pk = :model_pk")
DELETE_PHOTOS = sql("DELETE FROM photos WHERE session_pk = :session_pk AND model_pk = :model_pk")
