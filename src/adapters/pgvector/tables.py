"""The three tables, as the queries see them. The migrations create them and a test holds both against each other.

A session's faces lie in one range of the primary key of `faces`, so an exact scan reads that session only, and the
foreign key that contains the session makes it impossible for a face to belong to one session and its photo to another.
Texts are in the collation "C": compared byte by byte, which for UTF-8 is code-point order.
"""

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Identity,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, DOUBLE_PRECISION, SMALLINT, TIMESTAMP

from facepass.adapters.pgvector.types import Template

metadata = MetaData()

IDENTIFIER = Text(collation="C")
INSTANT = TIMESTAMP(timezone=True)

sessions = Table(
    "sessions",
    metadata,
    Column("pk", BIGINT, Identity(always=True), nullable=False),
    Column("session_id", IDENTIFIER, nullable=False),
    Column("model", Text, nullable=False),
    # known with the first face: a gallery may begin with photos that hold none
    Column("dimension", Integer, nullable=True),
    Column("created_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("pk", name="sessions_pkey"),
    UniqueConstraint("session_id", name="sessions_session_id_key"),
    CheckConstraint("char_length(session_id) BETWEEN 1 AND 255", name="sessions_session_id_length"),
    CheckConstraint("dimension > 0", name="sessions_dimension_positive"),
)

photos = Table(
    "photos",
    metadata,
    Column("session_pk", BIGINT, nullable=False),
    Column("pk", BIGINT, Identity(always=True), nullable=False),
    Column("photo_id", IDENTIFIER, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("faces_detected", Integer, nullable=False),
    Column("faces_indexed", Integer, nullable=False),
    Column("indexed_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("session_pk", "pk", name="photos_pkey"),
    UniqueConstraint("session_pk", "photo_id", name="photos_session_pk_photo_id_key"),
    ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="photos_session_fkey", ondelete="CASCADE"),
    CheckConstraint("char_length(photo_id) BETWEEN 1 AND 255", name="photos_photo_id_length"),
)

faces = Table(
    "faces",
    metadata,
    Column("session_pk", BIGINT, nullable=False),
    Column("photo_pk", BIGINT, nullable=False),
    Column("face_no", Integer, nullable=False),
    Column("box_x", DOUBLE_PRECISION, nullable=False),
    Column("box_y", DOUBLE_PRECISION, nullable=False),
    Column("box_width", DOUBLE_PRECISION, nullable=False),
    Column("box_height", DOUBLE_PRECISION, nullable=False),
    # x and y of the five points, in the order of `Landmarks`
    Column("landmarks", ARRAY(DOUBLE_PRECISION), nullable=False),
    Column("confidence", DOUBLE_PRECISION, nullable=False),
    Column("quality_score", SMALLINT, nullable=False),
    Column("quality_reasons", ARRAY(Text), nullable=False),
    Column("model", Text, nullable=False),
    # STORAGE PLAIN: a vector moved out of its row makes exact scans four times slower
    Column("embedding", Template, nullable=False),
    PrimaryKeyConstraint("session_pk", "photo_pk", "face_no", name="faces_pkey"),
    ForeignKeyConstraint(
        ["session_pk", "photo_pk"], ["photos.session_pk", "photos.pk"], name="faces_photo_fkey", ondelete="CASCADE"
    ),
    CheckConstraint("cardinality(landmarks) = 10", name="faces_landmarks_ten"),
    CheckConstraint("abs(vector_norm(embedding) - 1) <= 1e-4", name="faces_embedding_unit"),
)
