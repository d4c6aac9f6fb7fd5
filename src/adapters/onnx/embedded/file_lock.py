"""A lock between processes, so that two that start together do not both prepare the models."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from facepass.domain.errors import ConfigurationError

_POLL_S = 0.1


@contextmanager
def file_lock(path: Path, *, wait_timeout_s: float) -> Iterator[None]:
    """Hold an exclusive lock on `path`, which is created; the system releases it when the process dies.

    Raises:
        ConfigurationError: another process holds it for longer than `wait_timeout_s`.
    """
    with path.open("a+b") as file:
        deadline = time.monotonic() + wait_timeout_s
        while not _try_lock(file):
            if time.monotonic() >= deadline:
                raise ConfigurationError(f"another process has held {path} for {wait_timeout_s:g} s")
            time.sleep(_POLL_S)
        try:
            yield
        finally:
            _unlock(file)


if sys.platform == "win32":
    import msvcrt

    def _try_lock(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
