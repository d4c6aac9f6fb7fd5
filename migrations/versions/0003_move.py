"""Photos and faces move into the tables for models side by side, in batches, while an older version goes on serving.

Triggers note which photos change. Photos are copied in the order of their key, a short transaction a batch, then those
that were noted, again and again until few are left. At last writers wait while the rest is copied, and readers wait
while the tables change their names; the old ones are dropped in the same transaction, with all that was in them. An
older version finds its columns gone from then on. Whatever ends the migration before that loses nothing: it goes on
where it was.

A gallery that holds only photos without faces does not know its dimension: it gets its model's, or is removed where
nobody ever stored a face of that model.

The way down is one transaction that keeps everybody out until all rows are copied: stop the service before. On it are
lost encrypted templates and their keys, faces without a place, photos without a size, templates of a model that a
session changes to or from, the keys of image sources, and that sessions and photos were erased.
"""

import time

import structlog
from alembic import op

from facepass.adapters.pgvector.migration_steps import find_by_key, lock_out_writers, rows, short_transaction

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BATCH_PHOTOS = 500
MAX_ROUNDS = 1000
PROGRESS_INTERVAL_S = 5.0
PHOTO = "photo_id, width, height, faces_detected, faces_indexed, indexed_at"
NEXT_PHOTO = PHOTO.replace("faces_detected", "greatest(faces_detected, faces_indexed)")
FACE = "face_no, box_x, box_y, box_width, box_height, landmarks, quality_score, quality_reasons, confidence, embedding"
NEXT_FACE = FACE.replace("embedding", "l2_normalize(embedding)::halfvec")
MODEL_OF_SESSION = (
    "(SELECT min(m.pk) FROM models m WHERE m.name = s.model AND (m.dimension = s.dimension OR s.dimension IS NULL))"
)

logger = structlog.get_logger("facepass.migrations")


def upgrade() -> None:
    context = op.get_context()
    with context.autocommit_block():
        with short_transaction():
            _note_changes()
        for name in ("model_fkey", "other_model_fkey", "face_counts", "change"):
            with short_transaction():
                op.execute(f"ALTER TABLE sessions VALIDATE CONSTRAINT sessions_{name}")  # hinders nobody
        _copy_all()
        op.execute("ANALYZE photos_next, faces_next")  # the first searches shall be planned as the later ones are
        _follow_changes()
    _switch()


def _note_changes() -> None:
    """Every photo that is written from now on is noted. The lock waits for writers that began before."""
    if rows("SELECT to_regclass('photos_changed') IS NOT NULL")[0][0]:
        return
    op.execute("LOCK TABLE sessions, photos IN SHARE ROW EXCLUSIVE MODE")
    op.execute(
        "CREATE TABLE photos_changed (no bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " session_pk bigint NOT NULL, photo_pk bigint NOT NULL)"
    )
    for noted, what in (
        ("photo", "VALUES (coalesce(NEW.session_pk, OLD.session_pk), coalesce(NEW.pk, OLD.pk))"),
        ("session", "SELECT session_pk, pk FROM photos WHERE session_pk = NEW.pk"),
    ):
        op.execute(
            f"CREATE FUNCTION note_changed_{noted}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" INSERT INTO photos_changed (session_pk, photo_pk) {what}; RETURN NULL; END $$"
        )
    op.execute(
        "CREATE TRIGGER photos_note_change AFTER INSERT OR UPDATE OR DELETE ON photos"
        " FOR EACH ROW EXECUTE FUNCTION note_changed_photo()"  # whoever writes faces writes their photo's row as well
    )
    op.execute(
        "CREATE TRIGGER sessions_note_change AFTER UPDATE OF dimension ON sessions"
        " FOR EACH ROW EXECUTE FUNCTION note_changed_session()"
    )


def _copy_all() -> None:
    """Copy every photo behind the last that was copied; whatever changes meanwhile is noted."""
    expected = rows("SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = 'photos'::regclass")[0][0]
    last = rows("SELECT session_pk, pk FROM photos_next ORDER BY session_pk DESC, pk DESC LIMIT 1")
    at = (last[0].session_pk, last[0].pk) if last else (0, 0)
    copied, told = 0, time.monotonic()
    while True:
        with short_transaction():
            found = rows(
                "SELECT session_pk, pk FROM photos WHERE (session_pk, pk) > (:session_pk, :pk)"
                " ORDER BY session_pk, pk LIMIT :limit",
                session_pk=at[0],
                pk=at[1],
                limit=BATCH_PHOTOS,
            )
            sessions, photos = [row.session_pk for row in found], [row.pk for row in found]
            _copy(sessions, photos)
            _settle(sorted({at[0], *sessions} - set(sessions[-1:])))  # the last one's photos may go on
        if not found:
            break
        at = (sessions[-1], photos[-1])
        copied += len(found)
        if time.monotonic() - told >= PROGRESS_INTERVAL_S:
            told = time.monotonic()
            logger.info("migration_copies_photos", copied=copied, expected=expected)
    if copied:
        logger.info("migration_copied_photos", copied=copied)


def _copy(session_pks: list[int], photo_pks: list[int]) -> None:
    """Bring the new rows of these photos to what the old ones are now; none where there are none."""
    find_by_key()
    keys = {"sessions": session_pks, "photos": photo_pks}
    # taken first, so that an erasure that waits for us holds nothing that we shall want
    rows("SELECT pk FROM sessions WHERE pk = ANY(:sessions) ORDER BY pk FOR KEY SHARE", sessions=session_pks)
    _add_models(session_pks)
    rows(
        "DELETE FROM photos_next n USING unnest(:sessions, :photos) AS k(session_pk, pk), models m"
        " WHERE n.session_pk = k.session_pk AND n.model_pk = m.pk AND n.pk = k.pk",
        **keys,
    )
    rows(
        f"""
        INSERT INTO photos_next (session_pk, model_pk, pk, {PHOTO}, revision) OVERRIDING SYSTEM VALUE
        SELECT p.session_pk, {MODEL_OF_SESSION}, p.pk, {NEXT_PHOTO}, s.revision
        FROM (SELECT DISTINCT * FROM unnest(:sessions, :photos) AS k(session_pk, pk)) k
        JOIN photos p USING (session_pk, pk) JOIN sessions s ON s.pk = p.session_pk
        WHERE {MODEL_OF_SESSION} IS NOT NULL
        """,  # noqa: S608 - names of ours
        **keys,
    )
    rows(
        f"""
        INSERT INTO faces_next (session_pk, model_pk, photo_pk, {FACE})
        SELECT f.session_pk, {MODEL_OF_SESSION}, f.photo_pk, {NEXT_FACE}
        FROM (SELECT DISTINCT * FROM unnest(:sessions, :photos) AS k(session_pk, photo_pk)) k
        JOIN faces f USING (session_pk, photo_pk) JOIN sessions s ON s.pk = f.session_pk
        """,  # noqa: S608 - names of ours
        **keys,
    )


def _add_models(session_pks: list[int]) -> None:
    """Tables for the models of these sessions, as far as there are none."""
    added = rows(
        "INSERT INTO models (name, dimension) SELECT DISTINCT model, dimension FROM sessions s"
        " WHERE pk = ANY(:sessions) AND dimension IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM models m WHERE m.name = s.model AND m.dimension = s.dimension)"
        " ORDER BY model, dimension RETURNING pk, name, dimension",
        sessions=session_pks,
    )
    for pk, name, dimension in added:
        table = f"faces_{pk}"
        op.execute(f"CREATE TABLE {table} (LIKE faces_next INCLUDING STORAGE INCLUDING CONSTRAINTS)")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_model CHECK (model_pk = {pk}),"
            f" ADD CONSTRAINT {table}_dimension CHECK (vector_dims(embedding) = {dimension})"
        )
        op.execute(f"ALTER TABLE faces_next ATTACH PARTITION {table} FOR VALUES IN ({pk})")
        rows(  # those had no model to go by
            "INSERT INTO photos_changed (session_pk, photo_pk) SELECT p.session_pk, p.pk FROM sessions s"
            " JOIN photos p ON p.session_pk = s.pk WHERE s.dimension IS NULL AND s.model = :name",
            name=name,
        )


def _settle(session_pks: list[int]) -> None:
    """What the rows of these sessions say about their photos and faces."""
    find_by_key()
    rows(
        f"""
        UPDATE sessions s SET
            model_pk = {MODEL_OF_SESSION},
            face_count = (SELECT count(*) FROM faces_next f WHERE f.session_pk = s.pk),
            last_indexed = (SELECT max(indexed_at) FROM photos_next p WHERE p.session_pk = s.pk)
        WHERE pk = ANY(:sessions)
        """,  # noqa: S608 - names of ours
        sessions=session_pks,
    )


def _follow_changes() -> None:
    """Copy what was noted, until less than a batch is left: writers wait for no more than that."""
    for _ in range(MAX_ROUNDS):
        with short_transaction():
            followed = _follow(BATCH_PHOTOS)
        if followed < BATCH_PHOTOS:
            return


def _follow(limit: int | None = None) -> int:
    changed = rows(
        "DELETE FROM photos_changed WHERE no IN (SELECT no FROM photos_changed ORDER BY no LIMIT :limit)"
        " RETURNING session_pk, photo_pk",
        limit=limit,
    )
    sessions = [row.session_pk for row in changed]
    _copy(sessions, [row.photo_pk for row in changed])
    _settle(sessions)
    return len(changed)


def _switch() -> None:
    lock_out_writers("sessions", "photos", "faces")
    while _follow(BATCH_PHOTOS):
        pass
    _settle([row.pk for row in rows("SELECT pk FROM sessions WHERE model_pk IS NULL")])
    removed = rows("DELETE FROM sessions WHERE model_pk IS NULL RETURNING pk")
    at = rows("SELECT last_value, is_called FROM photos_pk_seq")[0]
    rows("SELECT setval('photos_next_pk_seq', :at, :called)", at=at.last_value, called=at.is_called)
    op.execute("LOCK TABLE sessions, photos, faces IN ACCESS EXCLUSIVE MODE")
    op.drop_table("faces")
    op.drop_table("photos")
    op.execute("DROP TRIGGER sessions_note_change ON sessions")
    op.drop_table("photos_changed")
    op.execute("DROP FUNCTION note_changed_photo(), note_changed_session()")
    _rename(old="_next", new="")
    if removed:
        logger.warning("migration_removed_sessions_without_model", sessions=len(removed))


def _rename(*, old: str, new: str) -> None:
    for name in ("photos", "faces"):
        op.execute(f"ALTER TABLE {name}{old} RENAME TO {name}{new}")
        op.execute(f"ALTER INDEX {name}{old}_pkey RENAME TO {name}{new}_pkey")
    op.execute(f"ALTER SEQUENCE photos{old}_pk_seq RENAME TO photos{new}_pk_seq")


def downgrade() -> None:
    op.execute("LOCK TABLE sessions, photos, faces IN ACCESS EXCLUSIVE MODE")
    _rename(old="", new="_next")
    _create_photos()
    _create_faces()
    at = rows("SELECT last_value, is_called FROM photos_next_pk_seq")[0]
    rows("SELECT setval('photos_pk_seq', :at, :called)", at=at.last_value, called=at.is_called)
    op.execute(
        f"""
        INSERT INTO photos (session_pk, pk, {PHOTO}) OVERRIDING SYSTEM VALUE
        SELECT n.session_pk, n.pk, {PHOTO}
        FROM photos_next n JOIN sessions s ON s.pk = n.session_pk AND s.model_pk = n.model_pk
        WHERE n.width IS NOT NULL AND n.height IS NOT NULL
        """  # noqa: S608 - names of ours
    )
    op.execute(
        f"""
        INSERT INTO faces (session_pk, photo_pk, model, {FACE})
        SELECT p.session_pk, p.pk, m.name, {FACE.replace("embedding", "l2_normalize(embedding::vector)")}
        FROM photos p JOIN sessions s ON s.pk = p.session_pk JOIN models m ON m.pk = s.model_pk
        JOIN faces_next n ON n.session_pk = p.session_pk AND n.model_pk = m.pk AND n.photo_pk = p.pk
        WHERE n.embedding IS NOT NULL AND n.box_x IS NOT NULL
        """  # noqa: S608 - names of ours
    )
    op.execute(
        "UPDATE photos p SET faces_indexed ="
        " (SELECT count(*) FROM faces f WHERE f.session_pk = p.session_pk AND f.photo_pk = p.pk)"
    )
    op.execute("TRUNCATE photos_next, faces_next, session_keys, tombstones")
    op.execute(
        "UPDATE sessions SET revision = revision + 1, model_pk = NULL, other_model_pk = NULL, change = NULL,"
        " face_count = 0, other_face_count = 0, last_indexed = NULL"
    )


def _create_photos() -> None:
    op.execute(
        """
        CREATE TABLE photos (
            session_pk bigint NOT NULL, pk bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
            photo_id text NOT NULL COLLATE "C", width integer NOT NULL, height integer NOT NULL,
            faces_detected integer NOT NULL, faces_indexed integer NOT NULL, indexed_at timestamptz NOT NULL,
            CONSTRAINT photos_pkey PRIMARY KEY (session_pk, pk),
            CONSTRAINT photos_session_pk_photo_id_key UNIQUE (session_pk, photo_id),
            CONSTRAINT photos_session_fkey FOREIGN KEY (session_pk) REFERENCES sessions (pk) ON DELETE CASCADE,
            CONSTRAINT photos_photo_id_length CHECK (char_length(photo_id) BETWEEN 1 AND 255)
        )
        """
    )


def _create_faces() -> None:
    op.execute(
        """
        CREATE TABLE faces (
            session_pk bigint NOT NULL, photo_pk bigint NOT NULL, face_no integer NOT NULL,
            box_x float8 NOT NULL, box_y float8 NOT NULL, box_width float8 NOT NULL, box_height float8 NOT NULL,
            landmarks float8[] NOT NULL, confidence float8 NOT NULL, quality_score smallint NOT NULL,
            quality_reasons text[] NOT NULL, model text NOT NULL, embedding vector STORAGE PLAIN NOT NULL,
            CONSTRAINT faces_pkey PRIMARY KEY (session_pk, photo_pk, face_no),
            CONSTRAINT faces_photo_fkey FOREIGN KEY (session_pk, photo_pk)
                REFERENCES photos (session_pk, pk) ON DELETE CASCADE,
            CONSTRAINT faces_landmarks_ten CHECK (cardinality(landmarks) = 10),
            CONSTRAINT faces_embedding_unit CHECK (abs(vector_norm(embedding) - 1) <= 1e-4)
        )
        """
    )
