"""The API keys in force: those configured or, on a developer's machine, one made on first use."""

import contextlib
import os
import secrets
from pathlib import Path

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.settings import Settings

KEY_BYTES = 32


def api_keys(settings: Settings) -> tuple[str, ...]:
    """Keys that are accepted.

    Raises:
        ConfigurationError: none is configured in production, or the file for the local one cannot be used.
    """
    if settings.security.api_keys:
        return tuple(key.reveal() for key in settings.security.api_keys)
    if settings.application.environment == "production":
        raise ConfigurationError("API_KEYS must name at least one key when ENVIRONMENT=production.")
    return (_local_key(local_key_path(settings)),)


def local_key_path(settings: Settings) -> Path:
    """Where the key is kept that is used when none is configured."""
    return settings.application.data_dir / "api-key"


def _local_key(path: Path) -> str:
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ConfigurationError(f"The API key file {path} cannot be used ({error.strerror}).") from error
    if not key:
        raise ConfigurationError(f"The API key file {path} is empty: delete it to have a new key made.")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(KEY_BYTES) + "\n")
    # Linking fails where a key exists by now: of several processes that start at once one wins, and its key is whole.
    with contextlib.suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
