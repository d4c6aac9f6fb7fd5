"""What tests do with a repository, each step in a unit of work of its own."""

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding, ModelId
from facepass.domain.gallery import Photo, SessionId
from facepass.domain.identification import CandidateList, Probe
from tests.gallery_builders import MODEL, PROBE


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
    """Index photos one by one; for each whether it replaced another."""
    replaced = []
    for one in photos:
        async with units() as unit:
            replaced.append(await unit.galleries.replace_photo(one, model))
            await unit.commit()
    return replaced


async def search(
    units: UnitOfWorkFactory, session_id: SessionId, *selfies: Embedding, least: float = -1.0, limit: int = 100
) -> CandidateList:
    """Candidates of a session for these selfies of one visitor, by default for `PROBE` and all."""
    probe = Probe.of(*selfies or (PROBE,))
    async with units() as unit:
        return await unit.galleries.candidates(session_id, probe, least_cosine=least, limit=limit)
