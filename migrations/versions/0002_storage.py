"""Tables for models side by side, half-precision templates, erasure that holds, and an audit trail.

Everything new is empty and stands beside the old tables, which this revision does not rewrite and an older version goes
on using: `photos_next` and `faces_next` get their rows and their names by the next revision. On the way down is lost
the audit trail, and what an interrupted copy left.

Locks: readers wait only while columns are added to `sessions`, a change of the catalogue. The lock that keeps writers
out comes first, because background vacuuming makes way for it.
"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC
from sqlalchemy.dialects import postgresql

from facepass.adapters.pgvector.migration_steps import lock_out_writers

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

IDENTIFIER = sa.Text(collation="C")
INSTANT = postgresql.TIMESTAMP(timezone=True)
SESSION_COLUMNS = (
    *("model_pk", "other_model_pk", "change", "revision", "erased_revision", "photo_erased_revision"),
    *("face_count", "other_face_count", "last_indexed", "erased_at"),
)


def upgrade() -> None:
    _create_models()
    _create_audit()
    lock_out_writers("sessions")
    _create_session_tables()
    _create_photos()
    _create_faces()
    _extend_sessions()  # last: from here to the commit readers wait


def _create_models() -> None:
    op.create_table(
        "models",
        sa.Column("pk", sa.SmallInteger, sa.Identity(always=True), nullable=False),
        sa.Column("name", IDENTIFIER, nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("pk", name="models_pkey"),
        sa.UniqueConstraint("name", "dimension", name="models_name_dimension_key"),
        sa.CheckConstraint("dimension > 0", name="models_dimension_positive"),
    )


def _extend_sessions() -> None:
    """Columns that PostgreSQL adds without touching a row, and constraints that are validated later."""
    added = (
        *("model_pk smallint", "other_model_pk smallint", "change text", "revision bigint NOT NULL DEFAULT 1"),
        *("erased_revision bigint NOT NULL DEFAULT 0", "photo_erased_revision bigint NOT NULL DEFAULT 0"),
        *("face_count bigint NOT NULL DEFAULT 0", "other_face_count bigint NOT NULL DEFAULT 0"),
        *("last_indexed timestamptz", "erased_at timestamptz"),
    )
    op.execute("ALTER TABLE sessions " + ", ".join(f"ADD COLUMN {column}" for column in added))
    op.execute(
        """
        ALTER TABLE sessions
            ADD CONSTRAINT sessions_model_fkey FOREIGN KEY (model_pk) REFERENCES models (pk) NOT VALID,
            ADD CONSTRAINT sessions_other_model_fkey FOREIGN KEY (other_model_pk) REFERENCES models (pk) NOT VALID,
            ADD CONSTRAINT sessions_face_counts CHECK (face_count >= 0 AND other_face_count >= 0) NOT VALID,
            ADD CONSTRAINT sessions_change CHECK (
                change IN ('building', 'switched') AND other_model_pk <> model_pk
                OR change IS NULL AND other_model_pk IS NULL
            ) NOT VALID,
            SET (fillfactor = 50)  -- every write of a session updates its row
        """
    )


def _create_session_tables() -> None:
    op.create_table(
        "session_keys",
        sa.Column("session_pk", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("data_key", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("session_pk", name="session_keys_pkey"),
        sa.ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="session_keys_session_fkey", ondelete="CASCADE"),
    )
    op.create_table(
        "tombstones",
        sa.Column("session_pk", sa.BigInteger, nullable=False),
        sa.Column("photo_id", IDENTIFIER, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("erased_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("session_pk", "photo_id", name="tombstones_pkey"),
        sa.ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="tombstones_session_fkey", ondelete="CASCADE"),
    )
    op.create_index("tombstones_revision_idx", "tombstones", ["session_pk", "revision"])


def _create_photos() -> None:
    op.create_table(
        "photos_next",
        sa.Column("session_pk", sa.BigInteger, nullable=False),
        sa.Column("model_pk", sa.SmallInteger, nullable=False),
        sa.Column("pk", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("photo_id", IDENTIFIER, nullable=False),
        sa.Column("source_key", sa.Text, nullable=True),
        sa.Column("width", sa.Integer, nullable=True),
        sa.Column("height", sa.Integer, nullable=True),
        sa.Column("faces_detected", sa.Integer, nullable=False),
        sa.Column("faces_indexed", sa.Integer, nullable=False),
        sa.Column("indexed_at", INSTANT, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("session_pk", "model_pk", "pk", name="photos_next_pkey"),
        sa.UniqueConstraint("photo_id", "session_pk", "model_pk", name="photos_photo_id_key"),
        sa.ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="photos_session_fkey", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["model_pk"], ["models.pk"], name="photos_model_fkey"),
        sa.CheckConstraint("char_length(photo_id) BETWEEN 1 AND 255", name="photos_photo_id_length"),
        sa.CheckConstraint("faces_indexed BETWEEN 0 AND faces_detected", name="photos_faces_indexed"),
    )


def _create_faces() -> None:
    op.create_table(
        "faces_next",
        sa.Column("session_pk", sa.BigInteger, nullable=False),
        sa.Column("model_pk", sa.SmallInteger, nullable=False),
        sa.Column("photo_pk", sa.BigInteger, nullable=False),
        sa.Column("face_no", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Double, nullable=True) for name in ("box_x", "box_y", "box_width", "box_height")),
        sa.Column("landmarks", postgresql.ARRAY(sa.Double), nullable=True),
        sa.Column("quality_score", sa.SmallInteger, nullable=True),
        sa.Column("quality_reasons", postgresql.ARRAY(sa.Text), nullable=True),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("embedding", HALFVEC, nullable=True),
        sa.Column("sealed", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("session_pk", "model_pk", "photo_pk", "face_no", name="faces_next_pkey"),
        sa.ForeignKeyConstraint(
            ["session_pk", "model_pk", "photo_pk"],
            ["photos_next.session_pk", "photos_next.model_pk", "photos_next.pk"],
            name="faces_photo_fkey",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("num_nonnulls(embedding, sealed) = 1", name="faces_one_template"),
        sa.CheckConstraint(
            "num_nonnulls(box_x, box_y, box_width, box_height, landmarks, quality_score, quality_reasons) IN (0, 7)",
            name="faces_located",
        ),
        sa.CheckConstraint("cardinality(landmarks) = 10", name="faces_landmarks_ten"),
        sa.CheckConstraint("abs(l2_norm(embedding) - 1) <= 5e-4", name="faces_embedding_unit"),
        postgresql_partition_by="LIST (model_pk)",
    )
    op.execute("ALTER TABLE faces_next ALTER COLUMN embedding SET STORAGE PLAIN")


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("no", sa.BigInteger, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("no", name="audit_pkey"),
    )
    op.execute(
        """
        CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege'; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
        " FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()"
    )
    op.create_table(
        "audit_head", sa.Column("no", sa.BigInteger, nullable=False), sa.Column("hash", sa.LargeBinary, nullable=False)
    )
    op.create_index("audit_head_single", "audit_head", [sa.text("(true)")], unique=True)
    op.execute("INSERT INTO audit_head (no, hash) VALUES (0, sha256('facepass audit'))")
    op.execute("ALTER TABLE audit_head SET (fillfactor = 50)")


def downgrade() -> None:
    op.execute("LOCK TABLE sessions, photos IN ACCESS EXCLUSIVE MODE")
    op.execute("DROP TRIGGER IF EXISTS sessions_note_change ON sessions")
    op.execute("DROP TRIGGER IF EXISTS photos_note_change ON photos")
    op.execute("DROP TABLE IF EXISTS photos_changed")
    op.execute("DROP FUNCTION IF EXISTS note_changed_photo(), note_changed_session()")
    for table in ("faces_next", "photos_next", "tombstones", "session_keys", "audit_head", "audit"):
        op.drop_table(table)
    op.execute("DROP FUNCTION audit_is_append_only()")
    op.execute("ALTER TABLE sessions " + ", ".join(f"DROP COLUMN {name}" for name in SESSION_COLUMNS))
    op.execute("ALTER TABLE sessions RESET (fillfactor)")
    op.drop_table("models")
