"""What tests do with a repository, each step in a unit of work of its own."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np

from facepass.application.ports import UnitOfWork, UnitOfWorkFactory
from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
from facepass.domain.gallery import Erasure, Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from tests.gallery_builders import MODEL, NOON, PROBE, SPACE

COSINE_TOLERANCE = 5e-4
"""What half precision may cost in a cosine: components keep 11 bits."""


def assert_same_photo(stored: Photo | None, expected: Photo) -> None:
    """Equal in every field, vectors within half precision."""
    assert stored is not None
    assert [t.face for t in stored.templates] == [t.face for t in expected.templates]
    for got, wanted in zip(stored.templates, expected.templates, strict=True):
        assert got.embedding.space == wanted.embedding.space
        np.testing.assert_allclose(got.embedding.vector, wanted.embedding.vector, atol=COSINE_TOLERANCE)
    for name in ("session_id", "photo_id", "size", "faces_detected", "indexed_at", "source_key"):
        assert getattr(stored, name) == getattr(expected, name)


def space_of(photo: Photo, model: ModelId = MODEL) -> TemplateSpace:
    """The space of a photo's templates; that of the tests for one without any."""
    return photo.templates[0].embedding.space if photo.templates else TemplateSpace(model, SPACE.dimension)


async def put(unit: UnitOfWork, photo: Photo, model: ModelId = MODEL, *, since: int | None = None) -> bool:
    """Store a photo inside a unit of work; whether it replaced another."""
    revision = (await unit.galleries.state(photo.session_id)).revision if since is None else since
    editions = {TemplateSpace(model, space_of(photo).dimension): [photo]}
    return bool(await unit.galleries.replace_photos(photo.session_id, editions, since=revision))


async def store(units: UnitOfWorkFactory, *photos: Photo, model: ModelId = MODEL) -> list[bool]:
    """Index photos one by one; for each whether it replaced another."""
    replaced = []
    for one in photos:
        async with units() as unit:
            replaced.append(await put(unit, one, model))
            await unit.commit()
    return replaced


async def search(
    units: UnitOfWorkFactory, session_id: SessionId, *selfies: Embedding, least: float = -1.0, limit: int = 100
) -> CandidateList:
    """Candidates of a session for these selfies of one visitor, by default for `PROBE` and all."""
    probe = Probe.of(*selfies or (PROBE,))
    async with units() as unit:
        return await unit.galleries.candidates(session_id, probe, least_cosine=least, limit=limit)


async def revision(units: UnitOfWorkFactory, session_id: SessionId) -> int:
    """What whoever begins to index a photo now goes by."""
    async with units() as unit:
        return (await unit.galleries.state(session_id)).revision


async def store_together(
    units: UnitOfWorkFactory, *editions: Sequence[Photo], spaces: Sequence[TemplateSpace] = (SPACE,), since: int
) -> frozenset[PhotoId]:
    """Index a batch of one session, once in each space; which photos it replaced."""
    session_id = editions[0][0].session_id
    of_spaces = dict(zip(spaces, editions, strict=True))
    async with units() as unit:
        replaced = await unit.galleries.replace_photos(session_id, of_spaces, since=since)
        await unit.commit()
    return replaced


async def erase(
    units: UnitOfWorkFactory, session_id: SessionId, photo_id: str | None = None, *, at: datetime = NOON
) -> Erasure:
    """Erase a session, or one photo of it."""
    async with units() as unit:
        if photo_id is None:
            erasure = await unit.galleries.delete_gallery(session_id, at=at)
        else:
            erasure = await unit.galleries.delete_photo(session_id, PhotoId(photo_id), at=at)
        await unit.commit()
    return erasure


async def forget(units: UnitOfWorkFactory, session_id: SessionId, *people: tuple[Embedding, float]) -> Erasure:
    """Forget somebody: a selfie in each space, with the least cosine of a face to go."""
    probes = [(Probe.of(selfie), least_cosine) for selfie, least_cosine in people]
    async with units() as unit:
        erasure = await unit.galleries.forget_faces(session_id, probes, at=NOON)
        await unit.commit()
    return erasure


async def assert_counts(units: UnitOfWorkFactory, session_id: SessionId, photo_ids: Sequence[str]) -> None:
    """See that what is said of a gallery, which can hold these photos only, is what it holds."""
    async with units() as unit:
        seen = [await unit.galleries.photo(session_id, PhotoId(name)) for name in photo_ids]
        status = await unit.galleries.gallery(session_id)
        state = await unit.galleries.state(session_id)
    photos = [one for one in seen if one is not None]
    faces = sum(len(one.templates) for one in photos)
    assert state.face_count == faces
    if status is None:
        assert (state.spaces, photos) == ((), [])
    else:
        without = sum(one.faces_detected == 0 for one in photos)
        assert (status.photo_count, status.face_count, status.photos_without_faces) == (len(photos), faces, without)
