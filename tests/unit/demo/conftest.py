import pytest

from facepass.entrypoints.demo.people import People
from facepass.entrypoints.demo.photos import make_session


@pytest.fixture(scope="session")
def people():
    return People.installed()


@pytest.fixture(scope="session")
def session(people, tmp_path_factory):
    return make_session(people, tmp_path_factory.mktemp("demo"), seed=4, photos=8, progress=lambda done, total: None)
