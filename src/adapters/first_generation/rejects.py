"""The list of the rows that an import leaves out: their ids and why, nothing else of them."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from facepass.adapters.first_generation.validation import Reject
from facepass.domain.errors import ConfigurationError


class RejectsFile:
    """JSON Lines, `{"row": ID, "reason": REASON}` each; only its owner may read it. Use as a context manager."""

    def __init__(self, path: Path, *, keep_bytes: int) -> None:
        """Say where the list is.

        Args:
            path: a file, new or of an earlier run.
            keep_bytes: what is on record as written; anything behind it is dropped, for it is written again.
        """
        self._path = path
        self._keep_bytes = keep_bytes
        self._file: BinaryIO | None = None

    @staticmethod
    def holds(path: Path, least_bytes: int) -> bool:
        """Whether a list is there, and not shorter than is on record."""
        try:
            return path.stat().st_size >= least_bytes
        except OSError:
            return False

    def __enter__(self) -> Self:
        """Open.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.fdopen(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
            self._file.truncate(self._keep_bytes)
            self._file.seek(self._keep_bytes)
        except OSError as error:
            raise self._refusal(error) from error
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def append(self, rejects: Iterable[Reject]) -> int:
        """Add rows. On disk when it returns, so that what is on record is never ahead of the list.

        Returns:
            Bytes of the whole list.

        Raises:
            ConfigurationError: the disk is full, or the file was taken away.
        """
        if self._file is None:
            raise RuntimeError("the list of rejects is not open")
        lines = [json.dumps({"row": reject.row_id, "reason": reject.reason}) + "\n" for reject in rejects]
        try:
            if lines:
                self._file.write("".join(lines).encode())
                self._file.flush()
                os.fsync(self._file.fileno())
            return self._file.tell()
        except OSError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(f"{self._path} cannot be written ({error.strerror}): give another place")
