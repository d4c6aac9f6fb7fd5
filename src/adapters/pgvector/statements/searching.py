"""Exact search of one session in the database."""

from facepass.adapters.pgvector.statements.sql import sql

CANDIDATES = sql("""
    WITH scored AS MATERIALIZED (
        SELECT photo_pk, face_no, confidence, box_x, box_y, box_width, box_height,
            greatest(-1.0::float8, least(1.0::float8, -(embedding::vector <#> :probe))) AS cosine
        FROM faces WHERE session_pk = :session_pk AND model_pk = :model_pk
            AND EXISTS (SELECT FROM sessions WHERE pk = :session_pk AND model_pk = :model_pk)
    ), best AS (
        SELECT DISTINCT ON (photo_pk) * FROM scored WHERE cosine >= :least_cosine
        ORDER BY photo_pk, cosine DESC, face_no
    )
    SELECT p.photo_id, b.*, count(*) OVER () AS total
    FROM best b
    JOIN photos p ON p.session_pk = :session_pk AND p.model_pk = :model_pk AND p.pk = b.photo_pk
    ORDER BY b.cosine DESC, p.photo_id, b.face_no
    LIMIT :limit
""")
"""Exact: it orders by no distance operator, so no approximate index can ever serve it.

It finds nothing once the session is served by another model, whose templates may be going at that moment. The score is
computed once a face, in float32 from the stored half precision, and handed over bit by bit: a returned cosine sent back
as the threshold includes itself.
"""

IS_SERVED = sql("SELECT 1 FROM sessions WHERE pk = :session_pk AND model_pk = :model_pk")

FACES_AT_LEAST = sql("""
    SELECT photo_pk, face_no FROM faces
    WHERE session_pk = :session_pk AND model_pk = :model_pk
        AND greatest(-1.0::float8, least(1.0::float8, -(embedding::vector <#> :probe))) >= :least_cosine
""")

TOMBSTONES_SINCE = sql("""
    SELECT photo_id, revision FROM tombstones WHERE session_pk = :session_pk AND revision > :revision
""")

PHOTOS_SINCE = sql("""
    SELECT pk, photo_id FROM photos
    WHERE session_pk = :session_pk AND model_pk = :model_pk AND revision > :revision AND pk > :photo_pk
    ORDER BY pk LIMIT :limit
""")
"""Photos written after a revision, also those that have no face any more."""

FACES_OF_PHOTOS = sql("""
    SELECT photo_pk, face_no, confidence, box_x, box_y, box_width, box_height,
        halfvec_send(embedding) AS embedding, sealed
    FROM faces WHERE session_pk = :session_pk AND model_pk = :model_pk AND photo_pk = ANY(:photo_pks)
""")
"""Templates come as pgvector's own bytes: four of header, then float16 in network order."""
