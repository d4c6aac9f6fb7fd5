import pytest
from rich.console import Console

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.demo.session import serve_demo
from facepass.entrypoints.settings import Application, Settings


def test_the_demo_says_that_production_gives_it_no_key(tmp_path):
    settings = Settings(application=Application(environment="production", data_dir=tmp_path))
    with pytest.raises(ConfigurationError, match="API_KEYS must hold a key"):
        serve_demo(settings, photos=1, seed=1, console=Console())
    assert list(tmp_path.iterdir()) == []
