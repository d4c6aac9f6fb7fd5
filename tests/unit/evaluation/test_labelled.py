from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepass.domain.errors import InvalidRequest
from facepass.entrypoints.evaluation.labelled import MAX_FACES, LabelledSet, require_comparable
from facepass.entrypoints.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two people with two pictures each, and what is none of theirs."""
    for name in ("b/2.png", "b/1.jpg", "a/1.bmp", "a/2.webp", ".hidden/1.png", "a/.hidden.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((30, 20, 3), 90, dtype=np.uint8)).save(tmp_path / name)
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    (tmp_path / "readme.png").write_bytes(b"of nobody")
    return tmp_path


def test_a_folder_is_a_person(folder: Path) -> None:
    labelled = LabelledSet.in_folder(folder, renderings=0)

    assert [(person, path.name) for person, path in labelled.files] == [
        ("a", "1.bmp"),
        ("a", "2.webp"),
        ("b", "1.jpg"),
        ("b", "2.png"),
    ]
    assert (labelled.name, labelled.people) == (folder.name, 2)


def test_what_cannot_be_read_is_listed(folder: Path) -> None:
    (folder / "b" / "2.png").write_bytes(b"no picture")
    labelled = LabelledSet.in_folder(folder, renderings=0)

    pictures = list(labelled.pictures(Settings()))

    assert [picture.name for picture in pictures] == ["a/1.bmp", "a/2.webp", "b/1.jpg"]
    assert labelled.unreadable == ["b/2.png"]
    assert pictures[0].image.pixels.shape == (30, 20, 3)


@pytest.mark.parametrize("gone", [("b/1.jpg", "b/2.png"), ("b/1.jpg",)])
def test_a_set_without_two_people_with_two_pictures_is_refused(folder: Path, gone: tuple[str, ...]) -> None:
    for name in gone:
        (folder / name).unlink()

    with pytest.raises(InvalidRequest, match="at least two people"):
        LabelledSet.in_folder(folder, renderings=0)


def test_too_much_is_refused_before_anything_is_read(folder: Path) -> None:
    with pytest.raises(InvalidRequest, match=f"at most {MAX_FACES:,}"):
        LabelledSet.in_folder(folder, renderings=MAX_FACES)


def test_what_is_too_little_is_counted() -> None:
    with pytest.raises(InvalidRequest, match="found 3 faces of 2 people, 1 of them"):
        require_comparable(["a", "a", "b"], "faces")
