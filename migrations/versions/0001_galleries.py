"""Sessions, photos and faces.

The extension `vector` stays on the way down: it may have been there before us, and others may use it.
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import VECTOR
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

IDENTIFIER = sa.Text(collation="C")
INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("pk", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("session_id", IDENTIFIER, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=True),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("pk", name="sessions_pkey"),
        sa.UniqueConstraint("session_id", name="sessions_session_id_key"),
        sa.CheckConstraint("char_length(session_id) BETWEEN 1 AND 255", name="sessions_session_id_length"),
        sa.CheckConstraint("dimension > 0", name="sessions_dimension_positive"),
    )
    op.create_table(
        "photos",
        sa.Column("session_pk", sa.BigInteger, nullable=False),
        sa.Column("pk", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("photo_id", IDENTIFIER, nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("faces_detected", sa.Integer, nullable=False),
        sa.Column("faces_indexed", sa.Integer, nullable=False),
        sa.Column("indexed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("session_pk", "pk", name="photos_pkey"),
        sa.UniqueConstraint("session_pk", "photo_id", name="photos_session_pk_photo_id_key"),
        sa.ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="photos_session_fkey", ondelete="CASCADE"),
        sa.CheckConstraint("char_length(photo_id) BETWEEN 1 AND 255", name="photos_photo_id_length"),
    )
    op.create_table(
        "faces",
        sa.Column("session_pk", sa.BigInteger, nullable=False),
        sa.Column("photo_pk", sa.BigInteger, nullable=False),
        sa.Column("face_no", sa.Integer, nullable=False),
        sa.Column("box_x", sa.Double, nullable=False),
        sa.Column("box_y", sa.Double, nullable=False),
        sa.Column("box_width", sa.Double, nullable=False),
        sa.Column("box_height", sa.Double, nullable=False),
        sa.Column("landmarks", postgresql.ARRAY(sa.Double), nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("quality_score", sa.SmallInteger, nullable=False),
        sa.Column("quality_reasons", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("embedding", VECTOR, nullable=False),
        sa.PrimaryKeyConstraint("session_pk", "photo_pk", "face_no", name="faces_pkey"),
        sa.ForeignKeyConstraint(
            ["session_pk", "photo_pk"],
            ["photos.session_pk", "photos.pk"],
            name="faces_photo_fkey",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("cardinality(landmarks) = 10", name="faces_landmarks_ten"),
        sa.CheckConstraint("abs(vector_norm(embedding) - 1) <= 1e-4", name="faces_embedding_unit"),
    )
    op.execute("ALTER TABLE faces ALTER COLUMN embedding SET STORAGE PLAIN")


def downgrade() -> None:
    op.drop_table("faces")
    op.drop_table("photos")
    op.drop_table("sessions")
