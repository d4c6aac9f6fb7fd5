"""Remembers which files were indexed into a session, so that a second run has only the rest to do.

A journal is no proof that a photo is still stored: the session may have been deleted, by anyone, in any way. Two things
are. When a run ends, nothing of it in flight, the journal notes the session's numbers; while the session shows the very
same ones, nothing was removed since. Where they differ, or the run died, the service is asked photo by photo.
"""

import hashlib
import json
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import msgspec

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.cli.folder import PhotoFile
from facepass.entrypoints.http.schemas import SessionStatus


class _Done(msgspec.Struct, frozen=True, tag="done"):
    photo_id: str
    path: str
    size_bytes: int
    mtime_ns: int


class _Numbers(msgspec.Struct, frozen=True, tag="numbers"):
    photo_count: int
    face_count: int
    last_indexed: datetime | None
    model: str


def journal_path(data_dir: Path, *, service: str, session_id: str) -> Path:
    """Where the journal of one session of one service is kept.

    Args:
        data_dir: of this installation.
        service: names the database or the remote service, without secrets.
        session_id: may hold any character.
    """
    key = json.dumps([service, session_id])
    return data_dir / "index" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.jsonl"


class Journal:
    """An append-only file, one JSON object a line. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: dict[str, _Done] = {}
        self._numbers: _Numbers | None = None
        self._file: TextIO | None = None

    def __enter__(self) -> Self:
        """Read what earlier runs did and open for more.

        Raises:
            ConfigurationError: the file cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+", encoding="utf-8", errors="replace", newline="\n")
            self._read(self._file)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be written ({error.strerror}): set DATA_DIR.") from error
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def forget(self) -> None:
        """Start over: nothing counts as done."""
        self._done.clear()
        self._numbers = None
        if self._file is not None:
            self._file.truncate(0)

    def is_unchanged(self, photo: PhotoFile) -> bool:
        """Whether exactly this file was indexed before."""
        return self._done.get(photo.photo_id) == _done(photo)

    def proves(self, status: SessionStatus) -> bool:
        """Whether the session is as the last run left it, so that all that run did is still stored."""
        return self._numbers == _numbers(status)

    def record(self, photo: PhotoFile) -> None:
        """Note a finished photo; kept even if the process dies right after."""
        done = _done(photo)
        self._append(done)
        self._done[photo.photo_id] = done
        self._numbers = None

    def close_run(self, status: SessionStatus) -> None:
        """Note the session's numbers, asked for when nothing was in flight any more.

        Numbers smaller than the journal mean that photos were removed meanwhile: they prove nothing and are not noted.
        """
        if status.photo_count >= len(self._done):
            self._numbers = _numbers(status)
            self._append(self._numbers)

    def _append(self, line: _Done | _Numbers) -> None:
        if self._file is None:
            raise RuntimeError("the journal is not open")
        self._file.write(msgspec.json.encode(line).decode() + "\n")
        self._file.flush()

    def _read(self, file: TextIO) -> None:
        """Take in every whole line. Only numbers on the very last one hold; a torn last line is ended."""
        file.seek(0)
        text = "\n"
        for text in file:
            self._numbers = None
            try:
                line = msgspec.json.decode(text, type=_Done | _Numbers)
            except msgspec.DecodeError:
                continue
            if isinstance(line, _Numbers):
                self._numbers = line
            else:
                self._done[line.photo_id] = line
        if not text.endswith("\n"):
            file.write("\n")


def _done(photo: PhotoFile) -> _Done:
    return _Done(photo.photo_id, str(photo.path), photo.size_bytes, photo.mtime_ns)


def _numbers(status: SessionStatus) -> _Numbers:
    return _Numbers(status.photo_count, status.face_count, status.last_indexed, status.model)
