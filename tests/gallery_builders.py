"""Photos and templates for tests, with cosines that can be known beforehand."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding, ModelId
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality, QualityReason
from facepass.domain.gallery import Photo, PhotoId, SessionId, Template
from facepass.domain.identification import CandidateList

MODEL = ModelId("test-model")
OTHER_MODEL = ModelId("other-model")
NOON = datetime(2026, 5, 17, 12, 0, 0, 123456, tzinfo=UTC)
LANDMARKS = Landmarks.from_array(np.linspace(0.1, 99.7, 10).reshape(5, 2))


def new_session() -> SessionId:
    """A session nobody has used."""
    return SessionId(uuid4().hex)


def random_embeddings(seed: int, count: int, *, dimension: int = 8, model: ModelId = MODEL) -> list[Embedding]:
    """Directions without a pattern, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return [Embedding.normalised(model, row) for row in rng.normal(size=(count, dimension))]


PROBE = Embedding.normalised(MODEL, [1.0, 0, 0, 0, 0, 0, 0, 0])


def at_cosine(cosine: float, *, model: ModelId = MODEL) -> Embedding:
    """An embedding with this cosine to `PROBE`, within 1e-7."""
    return Embedding.normalised(model, [cosine, math.sqrt(1.0 - cosine * cosine), 0, 0, 0, 0, 0, 0])


def photo(
    session_id: str,
    photo_id: str,
    embeddings: Iterable[Embedding] = (),
    *,
    faces_detected: int | None = None,
    at: datetime = NOON,
    confidence: float = 0.875,
) -> Photo:
    """A photo whose faces differ from each other in every field."""
    templates = tuple(
        Template(
            Face(
                face_no=number,
                box=BoundingBox(0.1 + number, -3.3, 10.7 + number, 1 / 3),
                landmarks=LANDMARKS.scaled(1 + number / 7),
                confidence=confidence - number / 1000,
                quality=Quality(90 - number, tuple(QualityReason)[: number % 3]),
            ),
            embedding,
        )
        for number, embedding in enumerate(embeddings)
    )
    detected = len(templates) if faces_detected is None else faces_detected
    return Photo(SessionId(session_id), PhotoId(photo_id), ImageSize(6000, 4000), detected, templates, at)


def assert_same_photo(stored: Photo | None, expected: Photo) -> None:
    """Equal in every field, vectors bit by bit."""
    assert stored is not None
    assert [t.face for t in stored.templates] == [t.face for t in expected.templates]
    for got, wanted in zip(stored.templates, expected.templates, strict=True):
        assert got.embedding.model == wanted.embedding.model
        assert got.embedding.vector.tobytes() == wanted.embedding.vector.tobytes()
    for name in ("session_id", "photo_id", "size", "faces_detected", "indexed_at"):
        assert getattr(stored, name) == getattr(expected, name)


async def store(units: UnitOfWorkFactory, *photos: Photo, model: ModelId = MODEL) -> list[bool]:
    """Index photos, each in a unit of work of its own; for each whether it replaced another."""
    replaced = []
    for one in photos:
        async with units() as unit:
            replaced.append(await unit.galleries.replace_photo(one, model))
            await unit.commit()
    return replaced


async def search(
    units: UnitOfWorkFactory, session_id: SessionId, probe: Embedding = PROBE, *, least: float = -1.0, limit: int = 100
) -> CandidateList:
    """Search in a unit of work of its own."""
    async with units() as unit:
        return await unit.galleries.candidates(session_id, probe, least_cosine=least, limit=limit)
