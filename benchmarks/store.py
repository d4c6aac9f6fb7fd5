"""Galleries in FacePass's own tables, through its own port."""

import functools
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import numpy as np
from galleries import Gallery

from facepass.adapters.pgvector import migrate
from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.search.planner import SearchLimits
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.audit import AuditEntry, AuditEvent, digest
from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality
from facepass.domain.gallery import Photo, PhotoId, SessionId, Template

MODEL = ModelId("benchmark")
BATCH_PHOTOS = 100
LANDMARKS = Landmarks.from_array(np.linspace(10.0, 90.0, 10).reshape(5, 2))


@asynccontextmanager
async def opened_facepass(url: str) -> AsyncIterator[tuple[UnitOfWorkFactory, UnitOfWorkFactory]]:
    """The store as the service opens it, migrated; and once more with every session searched in memory."""
    pool = PoolSettings()
    await migrate.upgrade(url, pool)
    engine = create_engine(url, pool)
    try:
        in_memory = PostgresUnitOfWorkFactory(engine, limits=SearchLimits(database_max_faces=0))
        yield PostgresUnitOfWorkFactory(engine), in_memory
    finally:
        await engine.dispose()


def photos_of(gallery: Gallery, session: SessionId) -> Iterator[Photo]:
    """The session as the service is given it."""
    now = datetime.now(UTC)
    firsts = np.flatnonzero(gallery.face_nos == 0).tolist()
    for first, end in zip(firsts, [*firsts[1:], gallery.faces], strict=True):
        templates = tuple(
            Template(
                Face(face - first, BoundingBox(10.0, 20.0, 80.0, 90.0), LANDMARKS, 0.99, Quality(80)),
                Embedding.normalised(MODEL, gallery.vectors[face]),
            )
            for face in range(first, end)
        )
        name = PhotoId(str(gallery.photos[first]))
        yield Photo(session, name, ImageSize(6000, 4000), len(templates), templates, now)


async def write(units: UnitOfWorkFactory, gallery: Gallery) -> float:
    """Store a session in batches of photos, one audited transaction each; faces a second."""
    session, space = SessionId(str(gallery.faces)), TemplateSpace(MODEL, gallery.vectors.shape[1])
    photos = list(photos_of(gallery, session))
    started = time.perf_counter()
    for first in range(0, len(photos), BATCH_PHOTOS):
        batch = photos[first : first + BATCH_PHOTOS]
        faces = sum(len(photo.templates) for photo in batch)
        entry = AuditEntry(
            AuditEvent.PHOTOS_INDEXED, batch[0].indexed_at, digest(session), len(batch), faces, space.model
        )
        await units.run(functools.partial(_store_batch, session=session, editions={space: batch}, entry=entry))
    return gallery.faces / (time.perf_counter() - started)


async def _store_batch(
    unit: UnitOfWork, *, session: SessionId, editions: dict[TemplateSpace, list[Photo]], entry: AuditEntry
) -> None:
    """As indexing does: the photos, and the line in the audit trail."""
    await unit.galleries.replace_photos(session, editions, since=0)
    await unit.audit.append(entry)
