"""What is known of galleries and photos."""

from facepass.adapters.pgvector.statements.sql import sql
from facepass.adapters.pgvector.tables import faces

HEADER = sql("""
    SELECT s.pk, s.revision, s.model_pk, m.name AS model, m.dimension, s.face_count, s.change, s.erased_revision,
        s.photo_erased_revision, s.other_model_pk, o.name AS other_model, o.dimension AS other_dimension,
        k.key_id, k.data_key
    FROM sessions s
    LEFT JOIN models m ON m.pk = s.model_pk
    LEFT JOIN models o ON o.pk = s.other_model_pk
    LEFT JOIN session_keys k ON k.session_pk = s.pk
    WHERE s.session_id = :session
""")

GALLERY = sql("""
    SELECT m.name AS model, s.face_count, s.last_indexed, count(p.pk) AS photo_count,
        count(p.pk) FILTER (WHERE p.faces_detected = 0) AS photos_without_faces
    FROM sessions s
    JOIN models m ON m.pk = s.model_pk
    LEFT JOIN photos p ON p.session_pk = s.pk AND p.model_pk = s.model_pk
    WHERE s.session_id = :session
    GROUP BY s.pk, m.pk
""")

PHOTO = sql("""
    SELECT p.pk AS photo_pk, p.width, p.height, p.faces_detected, p.indexed_at, p.requested_at, p.source_key,
        s.pk AS session_pk, s.model_pk, m.name AS model, m.dimension, f.face_no, f.confidence,
        f.box_x, f.box_y, f.box_width, f.box_height, f.landmarks, f.quality_score, f.quality_reasons,
        f.embedding, f.sealed, k.key_id, k.data_key
    FROM sessions s
    JOIN models m ON m.pk = s.model_pk
    JOIN photos p ON p.session_pk = s.pk AND p.model_pk = s.model_pk
    LEFT JOIN faces f ON f.session_pk = p.session_pk AND f.model_pk = p.model_pk AND f.photo_pk = p.pk
    LEFT JOIN session_keys k ON k.session_pk = s.pk
    WHERE s.session_id = :session AND p.photo_id = :photo
    ORDER BY f.face_no
""").columns(embedding=faces.c.embedding.type)
"""The photo and its faces in one statement, so that both are of the same version of it."""
