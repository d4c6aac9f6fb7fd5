import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from facepass.entrypoints.demo.figure import paste_head
from facepass.entrypoints.demo.people import FACE_CENTRE, FACE_HEIGHT, FACE_WIDTH, FRAME_HEIGHT, FRAME_WIDTH
from facepass.entrypoints.demo.photos import encode, make_session, render_photo, render_selfie
from facepass.entrypoints.demo.scene import PlacedFace, plan_session


def opened(data):
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_is_undone_by_whoever_honours_it(orientation):
    upright = Image.new("RGB", (64, 32), (200, 40, 40))
    upright.paste((40, 200, 40), (0, 0, 16, 16))
    file = opened(encode(upright, quality=95, orientation=orientation))
    assert (file.getexif().get(0x0112, 1), file.size) == (orientation, (64, 32) if orientation < 5 else (32, 64))
    seen = np.asarray(ImageOps.exif_transpose(file)).astype(int)
    # JPEG moves a flat colour by a few levels only.
    assert np.abs(seen[8, 8] - (40, 200, 40)).max() < 12
    assert np.abs(seen[8, 56] - (200, 40, 40)).max() < 12
    assert np.abs(seen[28, 8] - (200, 40, 40)).max() < 12


def test_a_photo_is_the_same_whenever_it_is_drawn_and_of_its_planned_size(people):
    photo = plan_session(3, 4).photos[2]
    data = render_photo(people, photo)
    assert data == render_photo(people, photo)
    assert ImageOps.exif_transpose(opened(data)).size == (photo.width, photo.height)


@pytest.mark.parametrize("angle", [-15.0, 0.0, 15.0])
def test_a_head_is_pasted_where_the_truth_says(angle):
    left, top = FACE_CENTRE[0] - FACE_WIDTH / 2, FACE_CENTRE[1] - FACE_HEIGHT / 2
    grey = np.zeros((FRAME_HEIGHT, FRAME_WIDTH), dtype=np.uint8)
    rows = slice(round(top * FRAME_HEIGHT), round((top + FACE_HEIGHT) * FRAME_HEIGHT))
    grey[rows, round(left * FRAME_WIDTH) : round((left + FACE_WIDTH) * FRAME_WIDTH)] = 255
    face = PlacedFace(
        person=1, picture=2, x=411, y=333, scale=3.0, angle=angle, gain=1, contrast=1, tint=0.9, clothing=1
    )
    scene = Image.new("RGB", (800, 600))
    paste_head(scene, face, grey)
    lit = np.argwhere(np.asarray(scene.convert("L")) > 100)
    box = face.box
    centre = (box.y + box.height / 2, box.x + box.width / 2)
    # The soft oval takes a little of the right and lower edges; a pixel of the picture is three of the photo.
    assert lit.mean(axis=0) == pytest.approx(centre, abs=4.0)


def test_selfies_differ_between_people_and_are_portraits(people):
    first, second = render_selfie(people, 1, 1), render_selfie(people, 2, 1)
    assert first != second
    assert opened(first).size == (960, 1280)


def test_a_session_is_drawn_once(people, tmp_path):
    told = []
    first = make_session(people, tmp_path, seed=2, photos=2, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (42, 42)
    files = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*.jpg")}
    assert len(files) == 42
    told.clear()
    again = make_session(people, tmp_path, seed=2, photos=2, progress=lambda done, total: told.append((done, total)))
    assert told == [(42, 42)]
    assert again == first
    assert {path: path.stat().st_mtime_ns for path in again.folder.rglob("*.jpg")} == files


def test_a_session_left_half_drawn_is_drawn_again(people, tmp_path):
    class Stop(Exception):
        pass

    def stop(done, total):
        raise Stop

    with pytest.raises(Stop):
        make_session(people, tmp_path, seed=2, photos=2, progress=stop)
    session = make_session(people, tmp_path, seed=2, photos=2, progress=lambda done, total: None)
    assert all(session.photo(photo).is_file() for photo in session.plan.photos)
