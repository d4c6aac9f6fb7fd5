import os

import pytest

from facepass.domain.errors import InvalidRequest, PayloadTooLarge, UnsupportedImage
from facepass.entrypoints.cli.folder import IdFrom, photos_in, read_photo


def write(path, data=b"x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_photos_are_found_below_the_folder_in_order_with_relative_ids(tmp_path):
    for name in ("b/2.JPG", "a.png", "b/1.webp", "c.bmp", "d.jpeg", "notes.txt", "movie.mp4"):
        write(tmp_path / name)

    ids = [photo.photo_id for photo in photos_in(tmp_path, IdFrom.PATH)]

    assert ids == ["a.png", "b/1.webp", "b/2.JPG", "c.bmp", "d.jpeg"]


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    write(tmp_path / ".hidden.jpg")
    write(tmp_path / ".thumbnails/a.jpg")
    write(tmp_path / "seen.jpg")

    assert [photo.photo_id for photo in photos_in(tmp_path, IdFrom.PATH)] == ["seen.jpg"]


def test_links_are_followed_only_inside_the_folder(tmp_path):
    outside = write(tmp_path / "outside/secret.jpg")
    root = tmp_path / "root"
    inside = write(root / "a.jpg")
    (root / "in.jpg").symlink_to(inside)
    (root / "out.jpg").symlink_to(outside)
    (root / "folder").symlink_to(outside.parent)
    (root / "gone.jpg").symlink_to(root / "nothing.jpg")

    assert [photo.photo_id for photo in photos_in(root, IdFrom.PATH)] == ["a.jpg", "in.jpg"]


@pytest.mark.parametrize(
    ("id_from", "expected"), [(IdFrom.NAME, "1.jpg"), (IdFrom.STEM, "1"), (IdFrom.PATH, "x/1.jpg")]
)
def test_ids_come_from_what_was_asked(tmp_path, id_from, expected):
    write(tmp_path / "x/1.jpg")

    assert photos_in(tmp_path, id_from)[0].photo_id == expected


def test_two_files_never_share_an_id(tmp_path):
    write(tmp_path / "x/1.jpg")
    write(tmp_path / "y/1.jpg")

    with pytest.raises(InvalidRequest, match=r"x/1\.jpg and y/1\.jpg"):
        photos_in(tmp_path, IdFrom.NAME)


def test_a_file_name_that_is_not_unicode_is_listed_like_any_other(tmp_path):
    write(tmp_path / os.fsdecode(b"caf\xe9.jpg"))

    assert len(photos_in(tmp_path, IdFrom.PATH)) == 1


def test_reading_stops_at_the_limit(tmp_path):
    photo = write(tmp_path / "a.jpg", b"12345")

    assert read_photo(photo, 5) == b"12345"
    with pytest.raises(PayloadTooLarge, match=r"a\.jpg"):
        read_photo(photo, 4)
    with pytest.raises(UnsupportedImage, match="cannot be read"):
        read_photo(tmp_path / "gone.jpg", 5)
