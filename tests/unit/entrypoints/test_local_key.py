"""Keys that are configured, keys that are made on first use, and keys that production insists on."""

import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.local_key import api_keys, jwt_secret_keys, local_key_path, secret_keys
from facepass.entrypoints.settings import Application, Secret, Security, Settings

KINDS = [
    (api_keys, "API_KEYS", "api-key"),
    (secret_keys, "SECRET_KEY", "secret-key"),
    (jwt_secret_keys, "JWT_SECRET_KEY", "jwt-secret-key"),
]
CONFIGURED = Security(
    api_keys=(Secret("a1"), Secret("a2")), secret_key=(Secret("s1"), Secret("s2")), jwt_secret_key=(Secret("j1"),)
)
Keys = Callable[[Settings], tuple[str, ...]]


def settings(data_dir: Path, security: Security | None = None, environment: str = "development") -> Settings:
    return Settings(
        application=Application(environment=environment, data_dir=data_dir),  # type: ignore[arg-type]
        security=security or Security(),
    )


@pytest.mark.parametrize(("keys", "name", "file"), KINDS)
def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path, keys: Keys, name: str, file: str) -> None:
    data_dir = tmp_path / "data"
    (made,) = keys(settings(data_dir))
    assert len(made) == 43
    assert keys(settings(data_dir)) == (made,)
    assert local_key_path(settings(data_dir), name) == data_dir / file
    assert (data_dir / file).read_text() == f"{made}\n"
    assert stat.S_IMODE((data_dir / file).stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == [file]


def test_each_kind_has_a_key_of_its_own(tmp_path: Path) -> None:
    assert len({keys(settings(tmp_path)) for keys, _, _ in KINDS}) == 3


@pytest.mark.parametrize(("keys", "name", "file"), KINDS)
def test_whoever_starts_at_once_gets_the_same_key(tmp_path: Path, keys: Keys, name: str, file: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(keys, [settings(tmp_path)] * 32))
    assert len(made) == 1


@pytest.mark.parametrize("environment", ["development", "production"])
def test_configured_keys_are_taken_in_their_order_and_none_is_made(tmp_path: Path, environment: str) -> None:
    configured = settings(tmp_path, CONFIGURED, environment)
    assert api_keys(configured) == ("a1", "a2")
    assert secret_keys(configured) == ("s1", "s2")
    assert jwt_secret_keys(configured) == ("j1",)
    assert list(tmp_path.iterdir()) == []


def test_production_makes_no_key_and_does_without_api_keys_alone(tmp_path: Path) -> None:
    bare = settings(tmp_path, environment="production")
    assert api_keys(bare) == ()
    with pytest.raises(ConfigurationError, match=r"^SECRET_KEY must hold"):
        secret_keys(bare)
    with pytest.raises(ConfigurationError, match=r"^JWT_SECRET_KEY must hold"):
        jwt_secret_keys(bare)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "is empty: delete it"), (b" \n", "is empty"), (b"\xff\xfe", "something other")]
)
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "secret-key").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"secret-key.*{words}"):
        secret_keys(settings(tmp_path))


def test_a_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="jwt-secret-key cannot be used"):
        jwt_secret_keys(settings(tmp_path / "file"))
