"""Erasing, whole: a session, a photo, a person; what beats what is under way; receipts and the trail."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from dependency_injector import providers

from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.adapters.memory.vision import ColourModel, MemoryEmbeddingModels, SceneDecoder
from facepass.application.forget_person import ForgottenPerson
from facepass.application.ports import ImageDecoder, ImageLimits, T, UnitOfWork, UnitOfWorkFactory
from facepass.application.probe import OnMultiple
from facepass.domain.audit import AuditRecord, digest
from facepass.domain.errors import AmbiguousSelfie, ErasedMeanwhile, LowQualityFace, NoFaceDetected, NotFound
from facepass.domain.face import Image
from facepass.domain.gallery import Erasure, ErasureKind, ModelChange, PhotoId, SessionId
from facepass.domain.identification import Threshold
from facepass.entrypoints.container import Container
from tests.scenes import scene
from tests.tasks import under_way

PARTY = SessionId("party")
ELSEWHERE = SessionId("elsewhere")


async def index(container: Container, photo: str, data: bytes, session: SessionId = PARTY) -> None:
    await container.index_photo()(session, PhotoId(photo), data, container.upload_limits())


async def found(container: Container, selfie: bytes, session: SessionId = PARTY) -> list[str]:
    result = await container.search_gallery()(
        session,
        [selfie],
        limits=container.upload_limits(),
        threshold=Threshold(0.5),
        limit=100,
        on_multiple=OnMultiple.LARGEST,
    )
    return [match.candidate.photo_id for match in result.matches]


async def forget(
    container: Container, selfie: bytes, session: SessionId = PARTY, *, threshold: float = 0.5
) -> ForgottenPerson:
    return await container.forget_person()(
        session, selfie, limits=container.upload_limits(), threshold=Threshold(threshold)
    )


async def trail(container: Container, session: SessionId | None = None) -> Sequence[AuditRecord]:
    return await container.read_audit()(session, limit=1000)


def removed(erasure: Erasure) -> tuple[int, int]:
    return erasure.photos_removed, erasure.embeddings_removed


class HeldDecoder(ImageDecoder):
    """Indexing in flight, for as long as a test likes: what is begun `in_flight` stands still at its picture."""

    def __init__(self) -> None:
        self._holding: tuple[asyncio.Event, asyncio.Event] | None = None

    async def decode(self, data: bytes, limits: ImageLimits) -> Image:
        if self._holding is not None:
            reached, go = self._holding
            reached.set()
            await go.wait()
        return await SceneDecoder().decode(data, limits)

    @asynccontextmanager
    async def in_flight(self, work: Coroutine[Any, Any, T]) -> AsyncIterator["asyncio.Task[T]"]:
        """`work` that has begun to look at its picture, and ends with the block."""
        reached, go = self._holding = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(work)
        await reached.wait()
        self._holding = None
        yield task
        go.set()
        await asyncio.wait([task])


@pytest.fixture
def pictures(container: Container) -> HeldDecoder:
    decoder = HeldDecoder()
    container.decoder.override(providers.Object(decoder))
    return decoder


class LostAnswer(UnitOfWorkFactory):
    """A store that commits and then loses the answer, so that the work is done again."""

    def __init__(self, units: UnitOfWorkFactory, *, holds: bool) -> None:
        self._units = units
        self._holds = holds

    def __call__(self) -> UnitOfWork:
        return self._units()

    async def run(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        async with self._units() as unit:
            await work(unit)
            if self._holds:
                await unit.commit()
        return await self._units.run(work)


class TestASession:
    async def test_is_erased_with_all_it_holds_and_no_other(self, container: Container) -> None:
        await index(container, "a", scene(1, 2))
        await index(container, "b", scene(1))
        await index(container, "a", scene(1), ELSEWHERE)

        erasure = await container.delete_gallery()(PARTY)

        assert (erasure.kind, erasure.session_id, removed(erasure)) == (ErasureKind.SESSION, PARTY, (2, 3))
        with pytest.raises(NotFound):
            await found(container, scene(1))
        assert await found(container, scene(1), ELSEWHERE) == ["a"]

    async def test_is_erased_twice_without_an_error(self, container: Container) -> None:
        await index(container, "a", scene(1))
        await container.delete_gallery()(PARTY)
        again = await container.delete_gallery()(PARTY)

        assert (again.deleted, removed(again)) == (False, (0, 0))

    async def test_can_begin_anew(self, container: Container) -> None:
        await index(container, "a", scene(1))
        await container.delete_gallery()(PARTY)
        await index(container, "b", scene(1))

        assert await found(container, scene(1)) == ["b"]

    async def test_beats_indexing_in_flight(self, container: Container, pictures: HeldDecoder) -> None:
        await index(container, "a", scene(1))
        async with pictures.in_flight(index(container, "b", scene(1))) as indexing:
            await container.delete_gallery()(PARTY)

        assert isinstance(indexing.exception(), ErasedMeanwhile)
        with pytest.raises(NotFound):
            await container.gallery_status()(PARTY)

    async def test_that_was_never_seen_beats_indexing_in_flight_too(
        self, container: Container, pictures: HeldDecoder
    ) -> None:
        async with pictures.in_flight(index(container, "first", scene(1))) as indexing:
            erasure = await container.delete_gallery()(PARTY)

        assert not erasure.deleted
        assert isinstance(indexing.exception(), ErasedMeanwhile)


class TestAPhoto:
    async def test_is_erased_and_no_other(self, container: Container) -> None:
        await index(container, "a", scene(1, 2))
        await index(container, "b", scene(1))

        erasure = await container.delete_photo()(PARTY, PhotoId("a"))
        again = await container.delete_photo()(PARTY, PhotoId("a"))

        assert (erasure.kind, erasure.photo_id, removed(erasure)) == (ErasureKind.PHOTO, "a", (1, 2))
        assert (again.deleted, removed(again)) == (False, (0, 0))
        assert await found(container, scene(1)) == ["b"]
        assert (await container.gallery_status()(PARTY)).photo_count == 1

    async def test_beats_its_own_indexing_in_flight_and_nobody_elses(
        self, container: Container, pictures: HeldDecoder
    ) -> None:
        async with (
            pictures.in_flight(index(container, "a", scene(1))) as erased,
            pictures.in_flight(index(container, "b", scene(1))) as kept,
        ):
            await container.delete_photo()(PARTY, PhotoId("a"))

        assert isinstance(erased.exception(), ErasedMeanwhile)
        assert kept.exception() is None
        assert await found(container, scene(1)) == ["b"]

    async def test_can_be_indexed_again(self, container: Container) -> None:
        await index(container, "a", scene(1))
        await container.delete_photo()(PARTY, PhotoId("a"))
        await index(container, "a", scene(1))

        assert await found(container, scene(1)) == ["a"]


class TestAPerson:
    async def test_is_forgotten_in_every_photo_of_the_session_and_nobody_else_is(self, container: Container) -> None:
        await index(container, "a", scene(1, 2))
        await index(container, "b", scene(1))
        await index(container, "c", scene(2))
        await index(container, "a", scene(1), ELSEWHERE)

        forgotten = await forget(container, scene(1))

        assert (forgotten.erasure.kind, removed(forgotten.erasure)) == (ErasureKind.PERSON, (0, 2))
        assert forgotten.query_face.box.width == 60
        assert await found(container, scene(1)) == []
        assert await found(container, scene(2)) == ["a", "c"]
        assert await found(container, scene(1), ELSEWHERE) == ["a"]
        status = await container.gallery_status()(PARTY)
        assert (status.photo_count, status.face_count) == (3, 2)

    async def test_who_is_not_there_is_forgotten_without_an_error(self, container: Container) -> None:
        await index(container, "a", scene(1))

        assert not (await forget(container, scene(2))).erasure.deleted
        assert (await forget(container, scene(1))).erasure.deleted
        assert not (await forget(container, scene(1))).erasure.deleted

    async def test_the_threshold_is_heeded(self, container: Container) -> None:
        await index(container, "a", scene(1, 2, 3))

        assert removed((await forget(container, scene(1), threshold=0.0)).erasure) == (0, 3)

    async def test_comes_back_with_a_photo_that_is_indexed_again(self, container: Container) -> None:
        await index(container, "a", scene(1))
        await forget(container, scene(1))
        await index(container, "a", scene(1))

        assert await found(container, scene(1)) == ["a"]

    async def test_must_be_one(self, container: Container) -> None:
        await index(container, "a", scene(1, 2))

        for selfie, refusal in (
            (scene(1, 2), AmbiguousSelfie),
            (scene(), NoFaceDetected),
            (scene(1, size=12), LowQualityFace),
        ):
            with pytest.raises(refusal):
                await forget(container, selfie)
        assert (await container.gallery_status()(PARTY)).face_count == 2

    async def test_of_a_session_that_holds_nothing_is_not_looked_for(self, container: Container) -> None:
        with pytest.raises(NotFound):
            await forget(container, b"no picture")
        await index(container, "a", scene(1))
        await container.delete_gallery()(PARTY)
        with pytest.raises(NotFound):
            await forget(container, b"no picture")


class TestWhileASessionChangesItsModel:
    @pytest.fixture
    def old(self, container: Container) -> ColourModel:
        model: ColourModel = container.colour_model()
        return model

    @pytest.fixture
    def new(self, container: Container, old: ColourModel) -> ColourModel:
        model = ColourModel(dimension=64)
        container.models.override(providers.Object(MemoryEmbeddingModels(old, model)))
        return model

    async def begin(self, container: Container, model: ColourModel) -> None:
        async def work(transaction: UnitOfWork) -> None:
            await transaction.changes.begin(PARTY, model.space)

        await container.unit_of_work().run(work)

    async def test_a_person_is_forgotten_for_both(self, container: Container, new: ColourModel) -> None:
        await index(container, "a", scene(1, 2))
        await self.begin(container, new)
        await index(container, "b", scene(1))

        assert removed((await forget(container, scene(1))).erasure) == (0, 3)

    async def test_that_begins_meanwhile_a_person_is_looked_for_again(
        self, container: Container, pictures: HeldDecoder, new: ColourModel
    ) -> None:
        await index(container, "a", scene(1, 2))
        async with pictures.in_flight(forget(container, scene(1))) as forgetting:
            await self.begin(container, new)

        assert removed(forgetting.result().erasure) == (0, 1)
        async with container.unit_of_work()() as transaction:
            assert (await transaction.galleries.state(PARTY)).change is ModelChange.BUILDING
        assert [json.loads(record.text)["event"] for record in await trail(container)][-1] == "person_forgotten"


class TestTheTrail:
    async def test_has_every_receipt_and_no_id(self, container: Container) -> None:
        await index(container, "the-photo", scene(1, 2, 3))
        photo = await container.delete_photo()(PARTY, PhotoId("the-photo"))
        await index(container, "another", scene(1, 2))
        person = (await forget(container, scene(1))).erasure
        session = await container.delete_gallery()(PARTY)
        nothing = await container.delete_gallery()(PARTY)

        records = await trail(container)
        facts = [json.loads(record.text) for record in records]
        assert [(fact["event"], fact["photos"], fact["templates"], fact.get("receipt")) for fact in facts] == [
            ("photos_indexed", 1, 3, None),
            ("photo_erased", 1, 3, photo.receipt),
            ("photos_indexed", 1, 2, None),
            ("person_forgotten", 0, 1, person.receipt),
            ("session_erased", 1, 1, session.receipt),
            ("session_erased", 0, 0, nothing.receipt),
        ]
        assert {fact["session"] for fact in facts} == {digest(PARTY)}
        assert all(word not in record.text for record in records for word in (PARTY, "the-photo", "another"))
        assert (await container.check_audit()()).sound

    async def test_a_receipt_is_what_its_facts_hash_to(self, container: Container) -> None:
        await index(container, "a", scene(1))
        erasure = await container.delete_photo()(PARTY, PhotoId("a"))

        facts = (
            f'{{"embeddings_removed":1,"erased_at":"{erasure.erased_at.isoformat()}","kind":"photo","photo_id":"a",'
            '"photos_removed":1,"session_id":"party"}'
        )
        assert erasure.receipt == hashlib.sha256(facts.encode()).hexdigest()

    async def test_what_was_refused_is_not_in_it(self, container: Container) -> None:
        await index(container, "a", scene(1))
        with pytest.raises(AmbiguousSelfie):
            await forget(container, scene(1, 2))

        assert len(await trail(container)) == 1

    @pytest.mark.parametrize("holds", [True, False])
    async def test_an_erasure_whose_answer_was_lost_counts_once(self, container: Container, holds: bool) -> None:
        await index(container, "a", scene(1, 2))
        store = InMemoryUnitOfWorkFactory(container.memory_store())
        with container.unit_of_work.override(providers.Object(LostAnswer(store, holds=holds))):
            container.delete_gallery.reset()
            erasure = await container.delete_gallery()(PARTY)

        (_, entry) = await trail(container)
        assert removed(erasure) == (1, 2)
        assert json.loads(entry.text)["receipt"] == erasure.receipt
        assert erasure.erased_at <= datetime.now(UTC)

    async def test_writers_of_one_session_erase_one_after_the_other(self, container: Container) -> None:
        await index(container, "a", scene(1))
        first = await under_way(container.delete_gallery()(PARTY))
        second = await under_way(container.delete_gallery()(PARTY))

        assert sorted([(await first).deleted, (await second).deleted]) == [False, True]
        assert (await container.check_audit()()).sound
