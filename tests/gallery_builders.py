"""Photos and templates for tests, with cosines that can be known beforehand."""

import math
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np

from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
from facepass.domain.face import BoundingBox, Face, ImageSize, Landmarks, Quality, QualityReason
from facepass.domain.gallery import Photo, PhotoId, SessionId, Template, UnlocatedFace

MODEL = ModelId("test-model")
OTHER_MODEL = ModelId("other-model")
SPACE = TemplateSpace(MODEL, 8)
OTHER_SPACE = TemplateSpace(OTHER_MODEL, 5)
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


def in_space(original: Photo, space: TemplateSpace = OTHER_SPACE, *, seed: int = 1) -> Photo:
    """The same photo with templates of another space."""
    fresh = random_embeddings(seed, len(original.templates), dimension=space.dimension, model=space.model)
    templates = (Template(old.face, new) for old, new in zip(original.templates, fresh, strict=True))
    return replace(original, templates=tuple(templates))


def unlocated(original: Photo) -> Photo:
    """The photo as an earlier system would have left it: nobody knows its size, or where its faces are."""
    templates = (Template(UnlocatedFace(t.face.face_no, t.face.confidence), t.embedding) for t in original.templates)
    return replace(original, size=None, templates=tuple(templates))
