"""The main job, whole: index photos, find a visitor."""

import asyncio
import random

import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.adapters.memory.photos import MemoryImageSource
from facepass.adapters.memory.vision import ColourModel, MemoryEmbeddingModels
from facepass.application.index_photo import IndexedPhoto
from facepass.application.probe import OnMultiple
from facepass.application.search_gallery import SearchResult
from facepass.domain.errors import (
    AmbiguousSelfie,
    Conflict,
    DependencyUnavailable,
    FacePassError,
    InvalidRequest,
    LowQualityFace,
    NoFaceDetected,
    NotFound,
    PayloadTooLarge,
    UnsupportedImage,
)
from facepass.domain.face import QualityReason
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.identification import SearchReason, Threshold
from facepass.domain.job import PhotoToIndex
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Recognition, Settings
from tests.scenes import scene

PARTY = SessionId("party")


async def index(container: Container, photo: str, data: bytes, session: SessionId = PARTY) -> IndexedPhoto:
    return await container.index_photo()(session, PhotoId(photo), data, container.upload_limits())


async def search(
    container: Container,
    selfie: bytes,
    session: SessionId = PARTY,
    *,
    threshold: float = 0.5,
    limit: int = 100,
    on_multiple: OnMultiple = OnMultiple.LARGEST,
) -> SearchResult:
    return await container.search_gallery()(
        session,
        [selfie],
        limits=container.upload_limits(),
        threshold=Threshold(threshold),
        limit=limit,
        on_multiple=on_multiple,
    )


def photos(result: SearchResult) -> list[str]:
    return [match.candidate.photo_id for match in result.matches]


async def test_a_visitor_finds_every_photo_they_are_in_and_no_other(container: Container) -> None:
    await index(container, "dance", scene(1, 2, 3))
    await index(container, "cake", scene(2))
    await index(container, "sunset", scene(4, 1))
    result = await search(container, scene(1))
    assert photos(result) == ["dance", "sunset"]
    assert result.total_matches == 2
    assert result.reason is None
    assert all(match.similarity > 0.99 for match in result.matches)
    assert [match.candidate.face_no for match in result.matches] == [0, 1]


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=6, unique=True), min_size=1, max_size=8))
@pytest.mark.property
async def test_property_20_a_photo_is_found_by_itself(crowd: list[list[int]]) -> None:
    container = in_memory(Settings())
    for number, people in enumerate(crowd):
        await index(container, f"p{number}", scene(*people))
    for number, people in enumerate(crowd):
        assert f"p{number}" in photos(await search(container, scene(*people)))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=20))
@pytest.mark.property
async def test_property_21_only_photos_of_the_asked_session(rows: list[tuple[str, int, int]]) -> None:
    container = in_memory(Settings())
    expected: dict[str, dict[str, int]] = {}
    for session, photo, person in rows:
        await index(container, f"{session}{photo}", scene(person), SessionId(session))
        expected.setdefault(session, {})[f"{session}{photo}"] = person
    for session, people in expected.items():
        for person in range(4):
            found = photos(await search(container, scene(person), SessionId(session)))
            assert set(found) == {photo for photo, shown in people.items() if shown == person}


@settings(max_examples=20)
@given(st.permutations(["a", "b", "c", "d", "a", "c"]), st.integers(0, 1000))
@pytest.mark.property
async def test_property_22_and_26_neither_repetition_nor_order_matters(order: list[str], seed: int) -> None:
    crowd = {"a": (1, 2), "b": (2,), "c": (3, 1), "d": (1,)}
    container, reference = in_memory(Settings()), in_memory(Settings())
    shuffled = random.Random(seed).sample(order, len(order))  # noqa: S311 - a seeded shuffle of test data
    await asyncio.gather(*(index(container, photo, scene(*crowd[photo])) for photo in shuffled))
    for photo, people in crowd.items():
        await index(reference, photo, scene(*people))
    for person in (1, 2, 3):
        found, wanted = await search(container, scene(person)), await search(reference, scene(person))
        assert found.matches == wanted.matches
    status = await container.gallery_status()(PARTY)
    assert (status.photo_count, status.face_count) == (4, 6)


async def test_indexing_again_replaces(container: Container) -> None:
    assert not (await index(container, "p", scene(1, 2))).replaced
    assert (await index(container, "p", scene(3))).replaced
    assert photos(await search(container, scene(1))) == []
    assert photos(await search(container, scene(3))) == ["p"]


async def test_a_photo_without_faces_is_recorded_as_seen(container: Container) -> None:
    with pytest.raises(NoFaceDetected):
        await index(container, "landscape", scene())
    status = await container.gallery_status()(PARTY)
    assert (status.photo_count, status.photos_without_faces, status.face_count) == (1, 1, 0)
    result = await search(container, scene(1))
    assert result.reason is SearchReason.SESSION_WITHOUT_FACES


async def test_a_refused_face_is_counted_and_explained(container: Container) -> None:
    indexed = await index(container, "far", scene(1, 2, size=15))
    assert (len(indexed.faces), indexed.faces_indexed, indexed.refused) == (2, 0, {0, 1})
    assert all("too_small" in face.quality.reasons for face in indexed.faces)
    assert indexed.refused_for == (QualityReason.TOO_SMALL, QualityReason.TOO_SMALL)


async def test_a_face_that_is_only_not_good_enough_is_refused_for_its_weakest_side() -> None:
    container = in_memory(Settings(recognition=Recognition(min_face_quality=90)))
    indexed = await index(container, "p", scene(1, 2, size=46))  # 46 and 45 pixels: quality 90 and 88, neither poor
    assert [face.quality.reasons for face in indexed.faces] == [(), (QualityReason.TOO_SMALL,)]
    assert (indexed.faces_indexed, indexed.refused) == (1, {1})
    assert (await container.get_photo()(PARTY, PhotoId("p"))).faces_detected == 2


@given(st.lists(st.integers(8, 60), min_size=1, max_size=6), st.integers(0, 100))
async def test_every_detected_face_is_indexed_or_refused_with_a_reason(sizes: list[int], least: int) -> None:
    container = in_memory(Settings(recognition=Recognition(min_face_quality=least)))
    photos = [PhotoToIndex(PhotoId(str(number)), str(number)) for number in range(len(sizes))]
    container.memory_photos().update(
        {str(number): scene(number, number + 100, size=size) for number, size in enumerate(sizes)}
    )
    batch = await container.index_batch()(PARTY, photos)
    assert (batch.indexed, batch.failures, batch.without_faces) == (len(sizes), (), ())
    assert batch.faces_indexed + sum(batch.faces_refused.values()) == 2 * len(sizes)
    assert (await container.gallery_status()(PARTY)).face_count == batch.faces_indexed


class FlakySource(MemoryImageSource):
    """Cannot be reached for keys that begin with `out`."""

    async def read(self, key: str) -> bytes:
        if key.startswith("out"):
            raise DependencyUnavailable("photos", "The photo store is out of reach.")
        return await super().read(key)


def batch_of(*keys: str) -> list[PhotoToIndex]:
    return [PhotoToIndex(PhotoId(key), key) for key in keys]


async def test_photos_out_of_reach_spoil_a_batch_only_where_all_of_them_are(container: Container) -> None:
    container.image_source.override(
        providers.Object(FlakySource({"a": scene(1), "b": scene(2)}, max_bytes=container.source_limits().max_bytes))
    )
    some = await container.index_batch()(PARTY, batch_of("a", "out", "b"))
    assert (some.indexed, [failure.code for failure in some.failures]) == (2, ["dependency_unavailable"])
    mixed = await container.index_batch()(PARTY, batch_of("out", "missing"))
    assert [failure.code for failure in mixed.failures] == ["dependency_unavailable", "not_found"]
    with pytest.raises(DependencyUnavailable) as refused:
        await container.index_batch()(PARTY, batch_of("out", "out of reach"))
    assert refused.value.dependency == "photos"


@pytest.mark.parametrize("data", [b"", b"text"])
async def test_what_is_no_picture_stores_nothing(container: Container, data: bytes) -> None:
    with pytest.raises(UnsupportedImage):
        await index(container, "p", data)
    with pytest.raises(NotFound):
        await container.gallery_status()(PARTY)


async def test_a_picture_above_the_limits_stores_nothing(container: Container) -> None:
    with pytest.raises(PayloadTooLarge):
        await index(container, "p", scene(1, width=5000))
    with pytest.raises(NotFound):
        await container.gallery_status()(PARTY)


async def test_limit_cuts_the_list_but_not_the_count(container: Container) -> None:
    for number in range(5):
        await index(container, f"p{number}", scene(1))
    result = await search(container, scene(1), limit=2)
    assert photos(result) == ["p0", "p1"]  # equal scores come in the order of their ids
    assert result.total_matches == 5


@pytest.mark.parametrize("limit", [0, -1, 1001])
@pytest.mark.property
async def test_property_14_limit_out_of_range(container: Container, limit: int) -> None:
    with pytest.raises(InvalidRequest, match="limit"):
        await search(container, scene(1), limit=limit)


async def test_threshold_one_matches_nothing_and_zero_everything(container: Container) -> None:
    await index(container, "a", scene(1))
    await index(container, "b", scene(2))
    assert photos(await search(container, scene(1), threshold=1.0)) == []
    assert photos(await search(container, scene(1), threshold=0.0)) == ["a", "b"]


async def test_a_returned_similarity_is_an_inclusive_threshold(container: Container) -> None:
    await index(container, "a", scene(1))
    (match,) = (await search(container, scene(1))).matches
    again = await search(container, scene(1), threshold=match.similarity)
    assert photos(again) == ["a"]


async def test_an_unknown_session_is_not_found(container: Container) -> None:
    with pytest.raises(NotFound):
        await search(container, scene(1))


async def test_nobody_above_the_threshold_says_so(container: Container) -> None:
    await index(container, "a", scene(1))
    assert (await search(container, scene(2))).reason is SearchReason.NOTHING_ABOVE_THRESHOLD


async def test_a_selfie_of_several_people(container: Container) -> None:
    await index(container, "a", scene(1))
    taken = await search(container, scene(1, 2))
    assert (photos(taken), taken.reason) == (["a"], SearchReason.LARGEST_FACE_USED)
    assert (await search(container, scene(2, 1))).reason is SearchReason.LARGEST_FACE_NOT_FOUND
    with pytest.raises(AmbiguousSelfie):
        await search(container, scene(1, 2), on_multiple=OnMultiple.ERROR)


async def test_a_selfie_without_a_face(container: Container) -> None:
    await index(container, "a", scene(1))
    with pytest.raises(NoFaceDetected):
        await search(container, scene())


async def test_nothing_is_looked_at_for_a_session_nobody_knows(container: Container) -> None:
    with pytest.raises(NotFound):
        await search(container, b"no picture at all")


async def test_a_poor_selfie_is_told_why(container: Container) -> None:
    await index(container, "a", scene(1))
    with pytest.raises(LowQualityFace) as refused:
        await search(container, scene(1, size=14))
    assert "too_small" in refused.value.reasons


def with_models(container: Container, *models: ColourModel) -> Container:
    """Another service over the same store, with other models; the first is that of new sessions."""
    other = in_memory(Settings(recognition=Recognition(ml_threads=1)))
    other.memory_store.override(providers.Object(container.memory_store()))
    other.models.override(providers.Object(MemoryEmbeddingModels(*models)))
    return other


async def test_a_session_of_a_model_that_is_not_here_is_a_conflict(container: Container) -> None:
    await index(container, "a", scene(1))
    other = with_models(container, ColourModel(dimension=64))
    with pytest.raises(Conflict, match="colour-128"):
        await index(other, "b", scene(1))
    with pytest.raises(Conflict, match="colour-128"):
        await search(other, scene(1))


async def test_sessions_of_different_models_are_served_side_by_side(container: Container) -> None:
    await index(container, "a", scene(1))
    both = with_models(container, ColourModel(dimension=64), ColourModel(dimension=128))
    assert (await index(both, "b", scene(1, 2))).model == "colour-128"
    assert (await index(both, "c", scene(1), SessionId("another"))).model == "colour-64"
    assert sorted(photos(await search(both, scene(1)))) == ["a", "b"]
    assert photos(await search(both, scene(1), session=SessionId("another"))) == ["c"]


async def test_deleting_removes_everything_and_can_be_repeated(container: Container) -> None:
    await index(container, "a", scene(1, 2))
    erasure = await container.delete_gallery()(PARTY)
    assert (erasure.deleted, erasure.photos_removed, erasure.embeddings_removed) == (True, 1, 2)
    assert not (await container.delete_gallery()(PARTY)).deleted
    with pytest.raises(NotFound):
        await search(container, scene(1))


async def test_a_failure_leaves_what_was_stored(container: Container) -> None:
    await index(container, "a", scene(1))
    with pytest.raises(FacePassError):
        await index(container, "a", b"broken")
    assert photos(await search(container, scene(1))) == ["a"]
