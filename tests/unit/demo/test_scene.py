import math
from collections import Counter

import pytest

from facepass.entrypoints.demo.people import PEOPLE, PICTURES, SELFIE
from facepass.entrypoints.demo.scene import MAX_FACE_PX, MAX_PEOPLE, MIN_FACE_PX, PlacedFace, plan_session


@pytest.fixture(scope="module")
def plan():
    return plan_session(7, 200)


def placed(**changed):
    values = {
        "person": 1,
        "picture": 2,
        "x": 500.0,
        "y": 400.0,
        "scale": 2.0,
        "angle": 0.0,
        "gain": 1.0,
        "contrast": 1.0,
        "tint": 0.5,
        "clothing": 3,
    }
    return PlacedFace(**{**values, **changed})


def test_the_same_seed_plans_the_same_session(plan):
    assert plan_session(7, 200) == plan
    assert plan_session(8, 200) != plan


def test_every_picture_but_the_selfies_is_used(plan):
    used = Counter((face.person, face.picture) for photo in plan.photos for face in photo.faces)
    assert set(used) == {
        (person, picture) for person in range(1, PEOPLE + 1) for picture in range(1, PICTURES + 1) if picture != SELFIE
    }
    assert max(used.values()) - min(used.values()) <= 2


def test_nobody_is_in_a_photo_twice_and_photos_hold_one_to_eight_people(plan):
    for photo in plan.photos:
        people = [face.person for face in photo.faces]
        assert len(people) == len(set(people))
        assert 1 <= len(people) <= MAX_PEOPLE


def test_faces_are_whole_of_the_stated_sizes_and_apart(plan):
    for photo in plan.photos:
        for face in photo.faces:
            box = face.box
            assert MIN_FACE_PX - 1e-6 <= face.face_px <= MAX_FACE_PX + 1e-6
            assert box.x >= 0
            assert box.y >= 0
            assert box.x + box.width <= photo.width
            assert box.y + box.height <= photo.height
            assert abs(face.angle) <= 15
            assert all(other is face or box.iou(other.box) == 0.0 for other in photo.faces)


def test_files_are_of_every_orientation_and_of_the_stated_qualities(plan):
    assert {photo.orientation for photo in plan.photos} == set(range(1, 9))
    assert {photo.quality for photo in plan.photos} <= set(range(70, 96))
    assert [photo.photo_id for photo in plan.photos[:2]] == ["demo-0001", "demo-0002"]


def test_sizes_spread_over_the_whole_range(plan):
    sizes = [face.face_px for photo in plan.photos for face in photo.faces]
    assert sum(size < 80 for size in sizes) > 0.15 * len(sizes)
    assert sum(size > 150 for size in sizes) > 0.15 * len(sizes)


def test_the_true_box_turns_with_the_head():
    upright, leaning = placed().box, placed(angle=90.0).box

    def middle(box):
        return box.x + box.width / 2 - 500.0, box.y + box.height / 2 - 400.0

    right, down = middle(upright)
    # A quarter turn anticlockwise takes what lay to the right above the centre, and what lay below to its right.
    assert middle(leaning) == pytest.approx((down, -right), abs=1e-9)
    assert math.isclose(upright.width, leaning.width)
