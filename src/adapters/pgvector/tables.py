"""The tables, as the queries see them. The migrations create them and a test holds both against each other.

A gallery is one row of `sessions`, which every write of the gallery updates first: writers of one gallery take turns,
and its `revision` says whether anything has changed since somebody looked. An erased gallery keeps that row for a
while, empty and without a model, so that what was under way when it was erased finds out.

Photos and faces belong to a session and a model. Mostly there is one model; while a session changes to another, both
have rows of their own, and `sessions.model_pk` says which are served. `faces` is partitioned by model, because vectors
of different models have nothing in common, not even their dimension. A session's faces of one model lie in one range of
the primary key, so an exact scan reads them only.

Texts are in the collation "C": compared byte by byte, which for UTF-8 is code-point order.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, DOUBLE_PRECISION, SMALLINT, TIMESTAMP

from facepass.adapters.pgvector.types import Template

metadata = MetaData()

IDENTIFIER = Text(collation="C")
INSTANT = TIMESTAMP(timezone=True)

models = Table(
    "models",
    metadata,
    Column("pk", SmallInteger, Identity(always=True), nullable=False),
    Column("name", IDENTIFIER, nullable=False),
    Column("dimension", Integer, nullable=False),
    PrimaryKeyConstraint("pk", name="models_pkey"),
    UniqueConstraint("name", "dimension", name="models_name_dimension_key"),
    CheckConstraint("dimension > 0", name="models_dimension_positive"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("pk", BIGINT, Identity(always=True), nullable=False),
    Column("session_id", IDENTIFIER, nullable=False),
    # none: the session is erased
    Column("model_pk", SmallInteger, ForeignKey("models.pk", name="sessions_model_fkey"), nullable=True),
    # the model that the session changes to, or has changed from
    Column("other_model_pk", SmallInteger, ForeignKey("models.pk", name="sessions_other_model_fkey"), nullable=True),
    Column("change", Text, nullable=True),
    Column("revision", BIGINT, nullable=False),
    # revisions at which the session, and one of its photos, were last erased; 0 for never
    Column("erased_revision", BIGINT, nullable=False, server_default="0"),
    Column("photo_erased_revision", BIGINT, nullable=False, server_default="0"),
    # of the served model and of the other
    Column("face_count", BigInteger, nullable=False, server_default="0"),
    Column("other_face_count", BigInteger, nullable=False, server_default="0"),
    Column("created_at", INSTANT, nullable=False),
    Column("last_indexed", INSTANT, nullable=True),
    Column("erased_at", INSTANT, nullable=True),
    PrimaryKeyConstraint("pk", name="sessions_pkey"),
    UniqueConstraint("session_id", name="sessions_session_id_key"),
    CheckConstraint("char_length(session_id) BETWEEN 1 AND 255", name="sessions_session_id_length"),
    CheckConstraint("face_count >= 0 AND other_face_count >= 0", name="sessions_face_counts"),
    CheckConstraint(
        "change IN ('building', 'switched') AND other_model_pk <> model_pk"
        " OR change IS NULL AND other_model_pk IS NULL",
        name="sessions_change",
    ),
)

session_keys = Table(
    "session_keys",
    metadata,
    Column("session_pk", BIGINT, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("data_key", LargeBinary, nullable=False),
    PrimaryKeyConstraint("session_pk", name="session_keys_pkey"),
    ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="session_keys_session_fkey", ondelete="CASCADE"),
)
"""A session's data key, wrapped; the sessions that have one hold sealed templates only."""

photos = Table(
    "photos",
    metadata,
    Column("session_pk", BIGINT, nullable=False),
    Column("model_pk", SmallInteger, nullable=False),
    Column("pk", BIGINT, Identity(always=True), nullable=False),
    Column("photo_id", IDENTIFIER, nullable=False),
    # the key under which an image source holds the photo; none for an upload
    Column("source_key", Text, nullable=True),
    # unknown of what an earlier system indexed
    Column("width", Integer, nullable=True),
    Column("height", Integer, nullable=True),
    Column("faces_detected", Integer, nullable=False),
    Column("faces_indexed", Integer, nullable=False),
    Column("indexed_at", INSTANT, nullable=False),
    # none: it does not matter
    Column("requested_at", INSTANT, nullable=True),
    # the session's, when this row or its faces were last written
    Column("revision", BIGINT, nullable=False),
    PrimaryKeyConstraint("session_pk", "model_pk", "pk", name="photos_pkey"),
    # No other index begins as the primary key does: on a table without statistics, the check of the foreign key in
    # `faces` takes any that does for as good, and then reads a whole session for each face.
    UniqueConstraint("photo_id", "session_pk", "model_pk", name="photos_photo_id_key"),
    ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="photos_session_fkey", ondelete="CASCADE"),
    ForeignKeyConstraint(["model_pk"], ["models.pk"], name="photos_model_fkey"),
    CheckConstraint("char_length(photo_id) BETWEEN 1 AND 255", name="photos_photo_id_length"),
    CheckConstraint("faces_indexed BETWEEN 0 AND faces_detected", name="photos_faces_indexed"),
)

faces = Table(
    "faces",
    metadata,
    Column("session_pk", BIGINT, nullable=False),
    Column("model_pk", SmallInteger, nullable=False),
    Column("photo_pk", BIGINT, nullable=False),
    Column("face_no", Integer, nullable=False),
    # where the face is, and how good: unknown, all of it, of what an earlier system indexed
    Column("box_x", DOUBLE_PRECISION, nullable=True),
    Column("box_y", DOUBLE_PRECISION, nullable=True),
    Column("box_width", DOUBLE_PRECISION, nullable=True),
    Column("box_height", DOUBLE_PRECISION, nullable=True),
    # x and y of the five points, in the order of `Landmarks`
    Column("landmarks", ARRAY(DOUBLE_PRECISION), nullable=True),
    Column("quality_score", SMALLINT, nullable=True),
    Column("quality_reasons", ARRAY(Text), nullable=True),
    Column("confidence", DOUBLE_PRECISION, nullable=False),
    # one of both: the template as it is, or encrypted
    Column("embedding", Template, nullable=True),
    Column("sealed", LargeBinary, nullable=True),
    PrimaryKeyConstraint("session_pk", "model_pk", "photo_pk", "face_no", name="faces_pkey"),
    ForeignKeyConstraint(
        ["session_pk", "model_pk", "photo_pk"],
        ["photos.session_pk", "photos.model_pk", "photos.pk"],
        name="faces_photo_fkey",
        ondelete="CASCADE",
    ),
    CheckConstraint("num_nonnulls(embedding, sealed) = 1", name="faces_one_template"),
    CheckConstraint(
        "num_nonnulls(box_x, box_y, box_width, box_height, landmarks, quality_score, quality_reasons) IN (0, 7)",
        name="faces_located",
    ),
    CheckConstraint("cardinality(landmarks) = 10", name="faces_landmarks_ten"),
    # half precision keeps 11 bits of each component
    CheckConstraint("abs(l2_norm(embedding) - 1) <= 5e-4", name="faces_embedding_unit"),
    postgresql_partition_by="LIST (model_pk)",
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("session_pk", BIGINT, nullable=False),
    Column("photo_id", IDENTIFIER, nullable=False),
    Column("revision", BIGINT, nullable=False),
    Column("erased_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("session_pk", "photo_id", name="tombstones_pkey"),
    ForeignKeyConstraint(["session_pk"], ["sessions.pk"], name="tombstones_session_fkey", ondelete="CASCADE"),
    Index("tombstones_revision_idx", "session_pk", "revision"),
)
"""Photos that were erased, and when: for whatever is under way with them, and for vectors held in memory."""

audit = Table(
    "audit",
    metadata,
    Column("no", BIGINT, nullable=False),
    # canonical JSON, byte for byte as hashed
    Column("entry", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    PrimaryKeyConstraint("no", name="audit_pkey"),
)
"""Append-only: a trigger refuses every change. `hash` is SHA-256 over the hash before and the entry."""

audit_head = Table(
    "audit_head",
    metadata,
    Column("no", BIGINT, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Index("audit_head_single", text("(true)"), unique=True),
)
"""One row: where the chain ends. Whoever appends locks it."""

api_keys = Table(
    "api_keys",
    metadata,
    Column("prefix", IDENTIFIER, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("expires_at", INSTANT, nullable=True),
    Column("revoked_at", INSTANT, nullable=True),
    Column("last_used_at", INSTANT, nullable=True),
    PrimaryKeyConstraint("prefix", name="api_keys_pkey"),
    CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="api_keys_name_length"),
    CheckConstraint("cardinality(scopes) > 0", name="api_keys_scopes_some"),
    CheckConstraint("octet_length(digest) = 32", name="api_keys_digest_length"),
)
"""Managed API keys: a keyed digest of each, never the key."""

token_uses = Table(
    "token_uses",
    metadata,
    Column("token_id", IDENTIFIER, nullable=False),
    Column("used", Integer, nullable=False),
    Column("expires_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("token_id", name="token_uses_pkey"),
)
"""How often session tokens with a number of searches were used; others leave no trace."""

jobs = Table(
    "jobs",
    metadata,
    Column("job_id", IDENTIFIER, nullable=False),
    Column("kind", Text, nullable=False),
    Column("session_id", IDENTIFIER, nullable=False),
    Column("created_at", INSTANT, nullable=False),
    Column("started_at", INSTANT, nullable=True),
    # since when units wait that were queued again; none: since the job was asked for
    Column("queued_at", INSTANT, nullable=True),
    PrimaryKeyConstraint("job_id", name="jobs_pkey"),
    Index("jobs_session_idx", "session_id", "job_id"),
)
"""What was asked for; how far it is, its units tell."""

job_units = Table(
    "job_units",
    metadata,
    Column("job_id", IDENTIFIER, nullable=False),
    Column("unit_no", Integer, nullable=False),
    Column("photo_id", IDENTIFIER, nullable=False),
    Column("source_key", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="queued"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("faces_detected", Integer, nullable=True),
    Column("faces_indexed", Integer, nullable=True),
    # of one that was given up
    Column("code", Text, nullable=True),
    Column("detail", Text, nullable=True),
    Column("ended_at", INSTANT, nullable=True),
    PrimaryKeyConstraint("job_id", "unit_no", name="job_units_pkey"),
    ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="job_units_job_fkey", ondelete="CASCADE"),
    CheckConstraint("state IN ('queued', 'done', 'failed', 'cancelled')", name="job_units_state"),
    CheckConstraint("(state = 'queued') = (ended_at IS NULL)", name="job_units_ended"),
    Index("job_units_queued_idx", "job_id", "unit_no", postgresql_where=text("state = 'queued'")),
    Index("job_units_failed_idx", "job_id", postgresql_where=text("state = 'failed'")),
)
"""Photos of a job. Whoever ends one looks at `state` first, in the transaction that stores the photo."""

last_backup = Table(
    "last_backup",
    metadata,
    Column("single", Boolean, nullable=False, server_default=text("true")),
    Column("taken_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("single", name="last_backup_pkey"),
    CheckConstraint("single", name="last_backup_single"),
)
"""At most one row: the moment that the newest complete backup shows; `facepass db backup` writes it."""
