"""The SQL of the repository, built once. Every value is a bound parameter."""

from sqlalchemy import Double, Integer, Text, and_, bindparam, delete, func, literal_column, select
from sqlalchemy.dialects.postgresql import insert

from facepass.adapters.pgvector.tables import INSTANT, faces, photos, sessions
from facepass.adapters.pgvector.types import Template

_session = bindparam("session", type_=Text)
_model = bindparam("model", type_=Text)
_dimension = bindparam("dimension", type_=Integer)
_at = bindparam("at", type_=INSTANT)
_session_pk = bindparam("session_pk", type_=sessions.c.pk.type)
_photo_pk = bindparam("photo_pk", type_=photos.c.pk.type)

# --- writing a photo -------------------------------------------------------------------------------------------------

_writable = (
    select(sessions.c.pk)
    .where(
        sessions.c.session_id == _session,
        sessions.c.model == _model,
        func.coalesce(_dimension == sessions.c.dimension, _dimension.is_(None)),
    )
    .with_for_update(key_share=True, read=True)
    .cte("writable")
)
_incoming = insert(photos).from_select(
    ["session_pk", "photo_id", "width", "height", "faces_detected", "faces_indexed", "indexed_at"],
    select(
        _writable.c.pk,
        bindparam("photo", type_=Text),
        *(bindparam(name, type_=Integer) for name in ("width", "height", "faces_detected", "faces_indexed")),
        _at,
    ),
)

UPSERT_PHOTO = _incoming.on_conflict_do_update(
    constraint="photos_session_pk_photo_id_key",
    set_={
        name: _incoming.excluded[name] for name in ("width", "height", "faces_detected", "faces_indexed", "indexed_at")
    },
).returning(
    photos.c.session_pk,
    photos.c.pk,
    # a row that was just inserted has no xmax, one that was locked for an update has
    (literal_column("photos.xmax") != literal_column("0")).label("replaced"),
)
"""Locks the session (FOR KEY SHARE) and the photo. No row: no session of this model and dimension."""

_binding = insert(sessions).values(session_id=_session, model=_model, dimension=_dimension, created_at=_at)

BIND_SESSION = _binding.on_conflict_do_update(
    constraint="sessions_session_id_key",
    set_={"dimension": _binding.excluded.dimension},
    where=and_(sessions.c.dimension.is_(None), sessions.c.model == _binding.excluded.model),
)
"""Creates a session or gives it its dimension. Locks its row in any case, also where it changes nothing."""

SESSION_BINDING = select(sessions.c.model, sessions.c.dimension).where(sessions.c.session_id == _session)

DELETE_FACES_OF_PHOTO = delete(faces).where(faces.c.session_pk == _session_pk, faces.c.photo_pk == _photo_pk)

INSERT_FACES = insert(faces)

# --- searching -------------------------------------------------------------------------------------------------------

_cosine = func.greatest(
    literal_column("-1.0::float8"),
    func.least(
        literal_column("1.0::float8"),
        -faces.c.embedding.op("<#>", return_type=Double())(bindparam("probe", type_=Template)),
    ),
)
_scored = (
    select(
        *(faces.c[name] for name in ("session_pk", "photo_pk", "face_no", "confidence")),
        *(faces.c[name] for name in ("box_x", "box_y", "box_width", "box_height")),
        _cosine.label("cosine"),
    )
    .where(
        faces.c.session_pk
        == select(sessions.c.pk)
        .where(sessions.c.session_id == _session, sessions.c.dimension == _dimension)
        .scalar_subquery(),
        faces.c.model == _model,
    )
    # keeps the planner from merging this with what is around it: the score is computed once a face, and the value
    # that is compared with the threshold is the value that is returned
    .offset(literal_column("0"))
    .subquery("scored")
)
_best = (
    select(_scored)
    .distinct(_scored.c.photo_pk)
    .where(_scored.c.cosine >= bindparam("least_cosine", type_=Double))
    .order_by(_scored.c.photo_pk, _scored.c.cosine.desc(), _scored.c.face_no)
    .subquery("best")
)

CANDIDATES = (
    select(
        photos.c.photo_id,
        *(_best.c[name] for name in ("face_no", "box_x", "box_y", "box_width", "box_height", "confidence", "cosine")),
        func.count().over().label("total"),
    )
    .join_from(_best, photos, and_(photos.c.session_pk == _best.c.session_pk, photos.c.pk == _best.c.photo_pk))
    .order_by(_best.c.cosine.desc(), photos.c.photo_id, _best.c.face_no)
    .limit(bindparam("limit", type_=Integer))
)
"""Exact: it orders by no distance operator, so no approximate index can ever serve it. pgvector sums `<#>` in float32
and returns it as a double; asyncpg hands that over bit by bit, so a returned cosine sent back as the threshold
includes itself."""

# --- reading ---------------------------------------------------------------------------------------------------------

GALLERY = (
    select(
        sessions.c.model,
        func.count(photos.c.pk).label("photo_count"),
        func.coalesce(func.sum(photos.c.faces_indexed), 0).label("face_count"),
        func.count(photos.c.pk).filter(photos.c.faces_detected == 0).label("photos_without_faces"),
        func.max(photos.c.indexed_at).label("last_indexed"),
    )
    .join_from(sessions, photos, photos.c.session_pk == sessions.c.pk, isouter=True)
    .where(sessions.c.session_id == _session)
    .group_by(sessions.c.pk)
)

PHOTO = (
    select(
        photos.c.width,
        photos.c.height,
        photos.c.faces_detected,
        photos.c.indexed_at,
        *(c for c in faces.c if c.name not in {"session_pk", "photo_pk"}),
    )
    .join_from(sessions, photos, photos.c.session_pk == sessions.c.pk)
    .join(faces, and_(faces.c.session_pk == photos.c.session_pk, faces.c.photo_pk == photos.c.pk), isouter=True)
    .where(sessions.c.session_id == _session, photos.c.photo_id == bindparam("photo", type_=Text))
    .order_by(faces.c.face_no)
)
"""The photo and its faces in one statement, so that both are of the same version of it."""

# --- erasing ---------------------------------------------------------------------------------------------------------

LOCK_SESSION = select(sessions.c.pk).where(sessions.c.session_id == _session).with_for_update()
DELETE_FACES = delete(faces).where(faces.c.session_pk == _session_pk)
DELETE_PHOTOS = delete(photos).where(photos.c.session_pk == _session_pk)
DELETE_SESSION = delete(sessions).where(sessions.c.pk == _session_pk)
