"""Erasing. The session's row is locked first: it waits for the writers inside and keeps later ones out."""

from facepass.adapters.pgvector.statements.sql import sql

LOCK_SESSION = sql("""
    INSERT INTO sessions (session_id, revision, created_at, erased_at) VALUES (:session, 1, :at, :at)
    ON CONFLICT (session_id) DO UPDATE SET
        revision = sessions.revision + 1,
        erased_at = CASE WHEN sessions.model_pk IS NULL THEN greatest(sessions.erased_at, excluded.erased_at) END
    RETURNING pk, revision, model_pk, other_model_pk, face_count
""")
"""Also of a session that was never seen or is erased: a first photo may be under way, so it is remembered from now."""

DELETE_PHOTOS = sql("DELETE FROM photos WHERE session_pk = :session_pk RETURNING photo_id")
DELETE_FACES = sql("DELETE FROM faces WHERE session_pk = :session_pk")
DELETE_TOMBSTONES = sql("DELETE FROM tombstones WHERE session_pk = :session_pk")
DELETE_KEY = sql("DELETE FROM session_keys WHERE session_pk = :session_pk")
EMPTY_SESSION = sql("""
    UPDATE sessions SET model_pk = NULL, other_model_pk = NULL, change = NULL, face_count = 0, other_face_count = 0,
        erased_revision = revision, erased_at = :at, last_indexed = NULL
    WHERE pk = :session_pk
""")

PHOTO_PKS = sql("SELECT pk FROM photos WHERE session_pk = :session_pk AND photo_id = :photo")
DELETE_FACES_OF_PHOTO = sql("""
    DELETE FROM faces WHERE session_pk = :session_pk AND photo_pk = ANY(:photo_pks) RETURNING model_pk
""")
DELETE_PHOTO = sql("DELETE FROM photos WHERE session_pk = :session_pk AND pk = ANY(:photo_pks)")
BURY_PHOTO = sql("""
    INSERT INTO tombstones (session_pk, photo_id, revision, erased_at) VALUES (:session_pk, :photo, :revision, :at)
    ON CONFLICT (session_pk, photo_id) DO UPDATE SET revision = excluded.revision, erased_at = excluded.erased_at
""")
PHOTO_ERASED = sql("UPDATE sessions SET photo_erased_revision = :revision WHERE pk = :session_pk")

DELETE_THESE_FACES = sql("""
    DELETE FROM faces f USING unnest(:photo_pks, :face_nos) AS gone (photo_pk, face_no)
    WHERE f.session_pk = :session_pk AND f.model_pk = :model_pk
        AND f.photo_pk = gone.photo_pk AND f.face_no = gone.face_no
""")
COUNT_FACES_OF_PHOTOS = sql("""
    UPDATE photos SET revision = :revision, faces_indexed = (
        SELECT count(*) FROM faces f
        WHERE f.session_pk = photos.session_pk AND f.model_pk = photos.model_pk AND f.photo_pk = photos.pk)
    WHERE session_pk = :session_pk AND model_pk = :model_pk AND pk = ANY(:photo_pks)
""")
