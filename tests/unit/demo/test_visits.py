import pytest
from PIL import Image

from facepass.domain.errors import Unauthorized
from facepass.entrypoints.demo import measure
from facepass.entrypoints.demo.contact_sheet import choose, write_contact_sheet
from facepass.entrypoints.demo.visits import index_session, indexed_photos, named, search_all
from tests.unit.demo.truthful import TruthfulService

PEOPLE = range(1, 41)


def quiet(*_):
    pass


async def test_everything_is_found_where_the_service_makes_no_mistake(session):
    service = TruthfulService(session, people=PEOPLE)
    assert await indexed_photos(service, "demo") == 0
    told = []
    indexed = await index_session(service, "demo", session, progress=lambda *step: told.append(step))
    assert told[-1] == (8, 8, session.plan.faces_placed)
    assert await indexed_photos(service, "demo") == 8
    assert (indexed.model, indexed.faces_indexed, indexed.failed) == ("truth", session.plan.faces_placed, {})
    people = [1, 2, 4, 5]
    searched = await search_all(service, "demo", session, people=people, progress=quiet)
    # Warm-up searches come first and count nowhere.
    assert service.searches == [1, 2, 4, 1, 2, 4, 5]
    found = measure.detection(session.plan, indexed.detected)
    results = [measure.selfie_result(session.plan, person, searched.answers[person]) for person in people]
    both = measure.accuracy(results, threshold=0.5)
    assert (found.every.share, found.unexpected) == (1.0, 0)
    assert (both.micro.recall, both.worst) == (1.0, [])


async def test_a_broken_photo_and_one_without_faces_spoil_nothing_else(session):
    first, second = (photo.photo_id for photo in session.plan.photos[:2])
    service = TruthfulService(session, people=PEOPLE, broken=[first], empty=[second])
    indexed = await index_session(service, "demo", session, progress=quiet)
    assert indexed.failed == {first: "unsupported_image: not an image"}
    assert indexed.detected[second] == []
    assert len(indexed.detected) == 7


async def test_what_no_photo_would_escape_ends_the_run(session):
    class Closed(TruthfulService):
        async def index(self, session_id, photo_id, data):
            raise Unauthorized("no key")

    with pytest.raises(Unauthorized):
        await index_session(Closed(session, people=PEOPLE), "demo", session, progress=quiet)


async def test_a_refused_selfie_is_a_result_of_its_own(session):
    service = TruthfulService(session, people=PEOPLE)
    await index_session(service, "demo", session, progress=quiet)
    searched = await search_all(service, "demo", session, people=[3], progress=quiet)
    assert searched.answers[3] == "invalid_request: file: refused on purpose"
    assert named(searched.answers) == {}


async def test_the_contact_sheet_shows_three_searches(session, tmp_path):
    service = TruthfulService(session, people=PEOPLE)
    await index_session(service, "demo", session, progress=quiet)
    people = [one for one in PEOPLE if session.plan.photos_of(one)][:5]
    searched = await search_all(service, "demo", session, people=[*people, 3], progress=quiet)
    results = [measure.selfie_result(session.plan, person, answer) for person, answer in searched.answers.items()]
    chosen = choose(results)
    assert [words for words, _ in chosen] == ["best", "median", "worst"]
    assert chosen[2][1].person == "s03"
    write_contact_sheet(tmp_path / "sheet.png", session, chosen, named(searched.answers))
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 1500
