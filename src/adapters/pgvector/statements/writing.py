"""Writing photos: the session's row first, then the photos, their faces, and the count."""

from sqlalchemy import insert

from facepass.adapters.pgvector.statements.sql import sql
from facepass.adapters.pgvector.tables import faces

TOUCH_SESSION = sql("""
    INSERT INTO sessions (session_id, model_pk, revision, created_at)
    SELECT :session, pk, 1, :at FROM models WHERE name = :model AND dimension = :dimension
    ON CONFLICT (session_id) DO UPDATE SET
        revision = sessions.revision + 1,
        model_pk = coalesce(sessions.model_pk, excluded.model_pk),
        erased_at = NULL
    RETURNING pk, model_pk, other_model_pk, revision, erased_revision, photo_erased_revision
""")
"""Creates a session, gives an erased one a model again, and locks it until the end of the transaction.

No row: no such model is registered.
"""

KEY_OF_LOCKED = sql("""
    SELECT s.pk, s.face_count + s.other_face_count AS faces, k.key_id, k.data_key
    FROM sessions s LEFT JOIN session_keys k ON k.session_pk = s.pk WHERE s.pk = :session_pk
""")
"""After the lock, in a statement of its own: one that waits for a lock still sees other tables as they were before."""

ERASED_PHOTO = sql("""
    SELECT photo_id FROM tombstones
    WHERE session_pk = :session_pk AND photo_id = ANY(:photos) AND revision > :revision ORDER BY photo_id LIMIT 1
""")

OUTDATED = sql("""
    SELECT p.photo_id FROM photos p JOIN unnest(:photos, :requested) AS new (photo_id, requested_at) USING (photo_id)
    WHERE p.session_pk = :session_pk AND p.model_pk = :model_pk AND p.requested_at > new.requested_at
""")
"""Photos that the session has as somebody asked for them later."""

UPSERT_PHOTOS = sql("""
    INSERT INTO photos (session_pk, model_pk, photo_id, source_key, width, height, faces_detected, faces_indexed,
                        indexed_at, requested_at, revision)
    SELECT :session_pk, :model_pk, new.*, :revision
    FROM unnest(:photos, :source_keys, :widths, :heights, :detected, :indexed, :instants, :requested) AS new
    ON CONFLICT (photo_id, session_pk, model_pk) DO UPDATE SET
        source_key = excluded.source_key, width = excluded.width, height = excluded.height,
        faces_detected = excluded.faces_detected, faces_indexed = excluded.faces_indexed,
        indexed_at = excluded.indexed_at, requested_at = excluded.requested_at, revision = excluded.revision
    RETURNING pk, photo_id, photos.xmax <> 0 AS replaced
""")
"""A row that was just inserted has no xmax, one that was locked for an update has."""

DELETE_FACES_OF_PHOTOS = sql("""
    DELETE FROM faces WHERE session_pk = :session_pk AND model_pk = :model_pk AND photo_pk = ANY(:photo_pks)
""")

INSERT_FACES = insert(faces)

COUNT_FACES = sql("""
    UPDATE sessions SET face_count = face_count + :faces, other_face_count = other_face_count + :other_faces,
        last_indexed = greatest(last_indexed, :at)
    WHERE pk = :session_pk
""")

PUT_KEY = sql("INSERT INTO session_keys (session_pk, key_id, data_key) VALUES (:session_pk, :key_id, :data_key)")
