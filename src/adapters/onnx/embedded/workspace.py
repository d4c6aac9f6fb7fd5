"""How files come into MODELS_DIR: one process at a time, made elsewhere first, there whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facepass.adapters.onnx.embedded.file_lock import file_lock
from facepass.domain.errors import ConfigurationError

LOCK_FILE = ".lock"
FOLDER_PREFIX = ".fetch-"

_LOCK_TIMEOUT_S = 1200
_MODE = 0o644


@contextmanager
def workspace(models_dir: Path) -> Iterator[Path]:
    """An empty folder inside `models_dir`, on the same disk, and nobody else's; removed at the end, whatever happens.

    Args:
        models_dir: created if need be.

    Raises:
        ConfigurationError: files cannot be kept there, or another process holds it for longer than 20 minutes.
    """
    with storage_errors(models_dir):
        models_dir.mkdir(parents=True, exist_ok=True)
        with file_lock(models_dir / LOCK_FILE, wait_timeout_s=_LOCK_TIMEOUT_S):
            # What a killed process left, up to hundreds of megabytes; it is nobody else's, since we hold the lock.
            for abandoned in models_dir.glob(f"{FOLDER_PREFIX}*"):
                shutil.rmtree(abandoned, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=models_dir, prefix=FOLDER_PREFIX) as name:
                yield Path(name)


@contextmanager
def storage_errors(models_dir: Path) -> Iterator[None]:
    """What the system says of files, in our words.

    Raises:
        ConfigurationError: for every `OSError` inside.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ConfigurationError(f"No space is left for models in {models_dir}: free some, or move it.") from error
        raise ConfigurationError(f"The models cannot be kept in {models_dir}: {error}.") from error


def require_space(models_dir: Path, needed_bytes: int) -> None:
    """See beforehand that so many bytes fit.

    Raises:
        ConfigurationError: they do not.
    """
    free_bytes = shutil.disk_usage(models_dir).free
    if free_bytes < needed_bytes:
        raise ConfigurationError(
            f"No space for models in {models_dir}: {needed_bytes / 1e6:.0f} MB are needed, "
            f"{free_bytes / 1e6:.0f} MB are free."
        )


def put(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def put_file(path: Path, made: Path) -> None:
    """Move a file from the workspace to its place, on the disk before it is there."""
    with made.open("r+b") as file:
        os.fsync(file.fileno())
    # Other users run the service than the one who installs, and copies of read-only files would be read-only.
    made.chmod(_MODE)
    made.replace(path)
