import pytest

from facepass.domain.face import BoundingBox
from facepass.entrypoints.demo import measure
from facepass.entrypoints.demo.scene import PhotoPlan, PlacedFace, SessionPlan
from facepass.entrypoints.http import schemas


def face(person, x, scale=2.0):
    return PlacedFace(
        person=person, picture=2, x=x, y=300.0, scale=scale, angle=0.0, gain=1.0, contrast=1.0, tint=0.5, clothing=1
    )


def photo(photo_id, *faces):
    return PhotoPlan(photo_id=photo_id, width=1600, height=1200, orientation=1, quality=90, seed=0, faces=faces)


QUERY_FACE = schemas.QueryFace(schemas.Box(0, 0, 10, 10), schemas.Quality(90, []))
PLAN = SessionPlan(
    seed=0,
    photos=(
        photo("a", face(1, 200.0), face(2, 800.0)),
        photo("b", face(1, 200.0, scale=0.6)),
        photo("c", face(2, 200.0)),
    ),
)


def box(photo_id, person):
    placed = next(one for one in PLAN.photos if one.photo_id == photo_id).face_of(person).box
    return schemas.Box(placed.x, placed.y, placed.width, placed.height)


def match(photo_id, person):
    return schemas.Match(photo_id, similarity=0.9, confidence=0.99, cosine=0.95, face_no=0, box=box(photo_id, person))


def answer(*matches):
    return schemas.SearchResult(
        session_id="demo",
        matches=list(matches),
        total_matches=len(matches),
        query_time_ms=1.0,
        threshold=0.5,
        query_face=QUERY_FACE,
        query_faces=[QUERY_FACE],
        reason=None,
        search_mode="exact",
        timings_ms=schemas.SearchTimings(decode=10.0, detect=20.0, embed=30.0, search=4.0),
    )


def test_placed_faces_are_counted_by_size_and_stray_detections_apart():
    detected = {
        "a": [PLAN.photos[0].faces[0].box, BoundingBox(1200, 900, 80, 90)],
        "b": [PLAN.photos[1].faces[0].box],
    }
    found = measure.detection(PLAN, detected)
    assert (found.every.placed, found.every.found, found.every.share) == (4, 2, 0.5)
    assert (found.large.placed, found.large.found) == (3, 1)
    assert found.unexpected == 1
    assert [line.split(" (")[0] for line in found.missed] == ["a s02", "c s02"]


def test_a_search_is_right_wrong_or_misses_and_a_right_photo_may_show_the_wrong_face():
    result = measure.selfie_result(PLAN, 1, answer(match("a", 2), match("c", 2)))
    assert (result.expected, result.right, result.wrong, result.missed) == (2, ["a"], ["c"], ["b"])
    assert result.wrong_face == ["a"]
    assert (result.recall, result.precision) == (0.5, 0.5)


def test_a_refused_selfie_found_nothing():
    result = measure.selfie_result(PLAN, 1, "no_face_detected: none")
    assert (result.recall, result.precision, result.refused) == (0.0, None, "no_face_detected: none")


def test_micro_counts_photos_and_macro_counts_selfies():
    results = [
        measure.selfie_result(PLAN, 1, answer(match("a", 1), match("b", 1))),
        measure.selfie_result(PLAN, 2, answer(match("a", 2), match("b", 1))),
        measure.selfie_result(PLAN, 3, "no_face_detected: none"),
    ]
    both = measure.accuracy(results, threshold=0.5)
    assert both.micro.recall == pytest.approx(3 / 4)
    assert both.micro.precision == pytest.approx(3 / 4)
    # Person 3 is in no photo: nothing to miss, nothing found to be right or wrong.
    assert both.macro.recall == pytest.approx((1 + 0.5 + 1) / 3)
    assert both.macro.precision == pytest.approx((1 + 0.5) / 2)
    assert both.worst == ["s02"]


def test_the_parts_of_a_search_add_up_to_the_whole():
    timings = [schemas.SearchTimings(decode=10.0, detect=20.0, embed=30.0, search=4.0)] * 3
    split = measure.latency([80.0, 80.0, 80.0], timings)
    parts = (split.decode, split.detect, split.embed, split.database, split.everything_else)
    assert sum(part.p50_ms for part in parts) == pytest.approx(80.0)
    assert sum(part.share for part in parts) == pytest.approx(1.0)
    assert split.everything_else.p50_ms == pytest.approx(16.0)
    assert split.overhead.share == pytest.approx(0.25)
    assert measure.latency([], []) is None


def test_targets_say_what_is_reached_and_what_was_not_measured():
    found = measure.detection(PLAN, {})
    searches = measure.accuracy([measure.selfie_result(PLAN, 1, answer(match("a", 1), match("b", 1)))], threshold=0.5)
    verdicts = [target.met for target in measure.targets(found, searches, None)]
    assert verdicts == [False, True, True, None, None]
