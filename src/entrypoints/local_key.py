"""The keys in force: those configured or, on a developer's machine, each made once and kept in DATA_DIR.

Whoever starts first makes a key, also where several processes start at once; all of them then use the same one. In
production a key that is needed has to be configured: DATA_DIR may vanish with a container, or differ between two.
"""

import contextlib
import os
import secrets
import tempfile
from pathlib import Path

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.settings import Secret, Settings

KEY_BYTES = 32
FILES = {"API_KEYS": "api-key", "SECRET_KEY": "secret-key", "JWT_SECRET_KEY": "jwt-secret-key"}
"""In DATA_DIR, by the setting whose place the key takes."""


def api_keys(settings: Settings) -> tuple[str, ...]:
    """Keys that are accepted beside those kept in the database; in production perhaps none.

    Raises:
        ConfigurationError: the file of the local one cannot be used.
    """
    configured = settings.security.api_keys
    if not configured and settings.application.is_production:
        return ()
    return _in_force(configured, "API_KEYS", settings)


def secret_keys(settings: Settings) -> tuple[str, ...]:
    """Keys under which API keys are hashed, newest first; at least one.

    Raises:
        ConfigurationError: none is configured in production, or the file of the local one cannot be used.
    """
    return _in_force(settings.security.secret_key, "SECRET_KEY", settings)


def jwt_secret_keys(settings: Settings) -> tuple[str, ...]:
    """Keys that sign the tokens of visitors, newest first; at least one.

    Raises:
        ConfigurationError: none is configured in production, or the file of the local one cannot be used.
    """
    return _in_force(settings.security.jwt_secret_key, "JWT_SECRET_KEY", settings)


def local_key_path(settings: Settings, name: str) -> Path:
    """Where the key is kept that is used when the setting `name`, one of `FILES`, holds none."""
    return settings.application.data_dir / FILES[name]


def _in_force(configured: tuple[Secret, ...], name: str, settings: Settings) -> tuple[str, ...]:
    if configured:
        return tuple(key.reveal() for key in configured)
    if settings.application.is_production:
        raise ConfigurationError(f"{name} must hold at least one key when ENVIRONMENT=production.")
    return (_local_key(local_key_path(settings, name)),)


def _local_key(path: Path) -> str:
    try:
        if not path.exists():
            _make_key(path)
        key = path.read_text(encoding="ascii").strip()
    except UnicodeDecodeError:
        raise ConfigurationError(f"The key file {path} holds something other than a key.") from None
    except OSError as error:
        raise ConfigurationError(f"The key file {path} cannot be used ({error.strerror}).") from error
    if not key:
        raise ConfigurationError(f"The key file {path} is empty: delete it to have a new key made.")
    return key


def _make_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)  # readable for its owner alone
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(KEY_BYTES) + "\n")
        # Linking fails where a key exists by now: of several that start at once one wins, and its key is whole.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(draft)
    finally:
        draft.unlink()
