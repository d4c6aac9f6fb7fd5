"""Locks between processes that share one DATA_DIR. The kernel drops them when a process dies, however it dies."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from facepass.adapters.embedded_postgres.account import Account
from facepass.domain.errors import DependencyUnavailable

POLL_INTERVAL_S = 0.01  # flock itself knows no time limit


class FileLock:
    """`flock(2)` on one file. Each instance is an owner of its own, also inside one process."""

    def __init__(self, path: Path, account: Account) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        account.own(path)

    def share(self) -> None:
        """Join the others that hold it shared.

        Only called under another lock that keeps exclusive holders away, so it never waits.
        """
        fcntl.flock(self._descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def try_exclusive(self) -> bool:
        """Take it alone if nobody else holds it; whether that worked."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    @contextmanager
    def exclusive(self, timeout_s: float) -> Iterator[None]:
        """Hold it alone while inside.

        Raises:
            DependencyUnavailable: somebody else held it for longer than `timeout_s`.
        """
        deadline = time.monotonic() + timeout_s
        while not self.try_exclusive():
            if time.monotonic() > deadline:
                raise DependencyUnavailable("database", f"another process held {self._path.name} for {timeout_s:g} s")
            time.sleep(POLL_INTERVAL_S)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go."""
        os.close(self._descriptor)
