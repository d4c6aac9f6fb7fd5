"""Several selfies of one visitor in a search, and what a visitor is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from dependency_injector import providers
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.application.ports import Admission, WorkKind
from facepass.application.probe import OnMultiple
from facepass.application.search_gallery import MAX_SELFIES, SearchResult
from facepass.application.visitor_words import explanation
from facepass.domain.errors import (
    AmbiguousSelfie,
    FacePassError,
    InvalidRequest,
    LowQualityFace,
    NoFaceDetected,
    PayloadTooLarge,
    UnsupportedImage,
)
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.identification import SearchReason, Threshold
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Settings
from tests.scenes import scene

PARTY = SessionId("party")
SAME_SCORE = 1e-6


async def fill(container: Container, photos: dict[str, bytes]) -> None:
    for photo, data in photos.items():
        await container.index_photo()(PARTY, PhotoId(photo), data, container.upload_limits())


async def search(container: Container, *selfies: bytes, on_multiple: OnMultiple = OnMultiple.LARGEST) -> SearchResult:
    return await container.search_gallery()(
        PARTY,
        selfies,
        limits=container.upload_limits(),
        threshold=Threshold(0.5),
        limit=100,
        on_multiple=on_multiple,
    )


def photos(result: SearchResult) -> list[str]:
    return [match.candidate.photo_id for match in result.matches]


async def test_several_selfies_find_what_one_finds(container: Container) -> None:
    await fill(container, {"dance": scene(1, 2), "cake": scene(2), "sunset": scene(4, 1)})
    one, three = await search(container, scene(1)), await search(container, scene(1), scene(1, size=90), scene(1, 3))
    assert photos(three) == photos(one) == ["dance", "sunset"]
    for alone, fused in zip(one.matches, three.matches, strict=True):
        assert fused.candidate.cosine == pytest.approx(alone.candidate.cosine, abs=SAME_SCORE)


async def test_every_face_that_was_used_is_told_and_the_best_is_first_among_them(container: Container) -> None:
    await fill(container, {"a": scene(1)})
    result = await search(container, scene(1, size=40), scene(1, size=70), scene(1, size=60))
    assert [face.box.width for face in result.query_faces] == [40, 70, 60]
    assert result.query_face is result.query_faces[1]  # 60 and 70 pixels are of the same quality: the larger one


@settings(max_examples=25)
@given(st.permutations([35, 45, 60, 75, 90]), st.integers(1, MAX_SELFIES))
@pytest.mark.property
async def test_the_order_of_selfies_makes_no_difference(order: list[int], count: int) -> None:
    container = in_memory(Settings())
    await fill(container, {"a": scene(1, 2), "b": scene(1), "c": scene(3)})
    chosen = order[:count]
    result = await search(container, *(scene(1, size=size) for size in chosen))
    other = await search(container, *(scene(1, size=size) for size in sorted(chosen)))
    assert (result.matches, result.total_matches, result.reason) == (other.matches, other.total_matches, other.reason)
    assert result.query_face == other.query_face


@pytest.mark.parametrize("count", [0, MAX_SELFIES + 1])
async def test_no_selfie_and_too_many_are_refused(container: Container, count: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await search(container, *[scene(1)] * count)
    assert [error.field for error in refused.value.errors] == ["file"]


@pytest.mark.parametrize(
    ("people", "fields", "words"),
    [
        ([1, 2], ["file[0]", "file[1]"], "Selfies 1 and 2 seem to show different people."),
        ([1, 2, 1], ["file[1]"], "Selfie 2 seems to show another person than your other selfies."),
        ([1, 2, 3], ["file[0]", "file[1]", "file[2]"], "Selfies 1, 2 and 3 seem to show different people."),
        ([1, 1, 1, 1, 5], ["file[4]"], "Selfie 5 seems"),
    ],
)
async def test_selfies_of_different_people_are_refused_and_named(
    container: Container, people: list[int], fields: list[str], words: str
) -> None:
    await fill(container, {"a": scene(1, 2)})
    with pytest.raises(AmbiguousSelfie) as refused:
        await search(container, *(scene(person) for person in people))
    assert refused.value.detail.startswith(words)
    assert [error.field for error in refused.value.errors] == fields


@pytest.mark.parametrize(
    ("bad", "kind", "words"),
    [
        (scene(), NoFaceDetected, "No face was found in the selfie."),
        (scene(1, size=14), LowQualityFace, "The face in the selfie is too small."),
        (scene(1, 2), AmbiguousSelfie, "There are 2 faces in the selfie, several of similar size."),
        (b"text", UnsupportedImage, "The file is not a scene."),
        (scene(1, width=5000), PayloadTooLarge, "The picture is 5000 x 480 pixels"),
    ],
)
async def test_a_selfie_that_cannot_be_used_is_named(
    container: Container, bad: bytes, kind: type[FacePassError], words: str
) -> None:
    await fill(container, {"a": scene(1)})
    with pytest.raises(kind) as alone:
        await search(container, bad, on_multiple=OnMultiple.ERROR)
    assert alone.value.detail.startswith(words)
    assert alone.value.errors == ()
    with pytest.raises(kind) as among:
        await search(container, scene(1), bad, scene(1), on_multiple=OnMultiple.ERROR)
    assert among.value.detail == str(among.value) == f"Selfie 2: {alone.value.detail}"
    assert [(error.field, error.message) for error in among.value.errors] == [("file[1]", alone.value.detail)]


async def test_a_selfie_of_several_among_others(container: Container) -> None:
    await fill(container, {"a": scene(1), "b": scene(2)})
    result = await search(container, scene(1), scene(1, 2))
    assert (photos(result), result.reason) == (["a"], SearchReason.LARGEST_FACE_USED)


class CountingAdmission(Admission):
    """Lets everybody in, and knows how many were inside at once."""

    def __init__(self) -> None:
        self.inside = self.most = self.all = self.begun = 0

    def check(self, kind: WorkKind) -> None:
        assert kind is WorkKind.SEARCH

    @asynccontextmanager
    async def admit(self, kind: WorkKind, *, begun: bool = False) -> AsyncIterator[None]:
        self.begun += begun
        self.inside, self.all = self.inside + 1, self.all + 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0)  # whoever else could come in does
        try:
            yield
        finally:
            self.inside -= 1


async def test_a_search_holds_one_place_at_a_time(container: Container) -> None:
    admission = CountingAdmission()
    container.admission.override(providers.Object(admission))
    await fill(container, {"a": scene(1)})
    admission.all = 0
    await asyncio.gather(*(search(container, *[scene(1)] * MAX_SELFIES) for _ in range(3)))
    assert (admission.most, admission.all, admission.inside) == (3, 3 * MAX_SELFIES, 0)
    assert admission.begun == 3 * (MAX_SELFIES - 1), "whoever has begun is not sent away between two selfies"


async def test_time_is_that_of_all_selfies(container: Container) -> None:
    await fill(container, {"a": scene(1)})
    result = await search(container, scene(1), scene(1))
    spent = result.timings.decode_ms + result.timings.detect_ms + result.timings.embed_ms
    assert 0 < spent <= result.took_ms


@pytest.mark.parametrize("reason", SearchReason)
def test_every_reason_has_a_sentence_without_jargon(reason: SearchReason) -> None:
    sentence = explanation(reason)
    assert sentence.endswith(".")
    assert not {"threshold", "similarity", "cosine", "session", "embedding"} & set(sentence.lower().split())
