"""What processes of ours write to standard error, wherever their tests send it.

Tests start processes in many ways: with a pipe, with a file, with nothing at all. This stands between them and
`subprocess.Popen`, so that no test needs to know of it and none that is written later is forgotten. Only our own
programs are listened to; databases and balancers have logs of their own.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from facepass.entrypoints.environment import PREFIX, secret_names

Hear = Callable[[str], None]


@dataclass
class _Listened:
    """A process, and how far its file was read; None where it writes to a pipe."""

    file: Path | None
    read_to: int = 0
    ours: IO[bytes] | None = None


class Listener:
    """Hears every process that is started while `installed` lasts."""

    def __init__(self, hear: Hear, learn: Hear) -> None:
        """For a whole session.

        Args:
            hear: told what processes have written.
            learn: told the secrets that they were started with.
        """
        self._hear = hear
        self._learn = learn
        self._listened: dict[int, _Listened] = {}

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Listen as long as the block lasts, and then once more to those that were never waited for."""
        plain = {name: getattr(subprocess.Popen, name) for name in ("__init__", "communicate", "wait", "poll")}
        listener = self

        def init(self: Any, args: Any, *positional: Any, **options: Any) -> None:
            ours = _is_ours(args)
            listened = listener._begin(options) if ours else None
            plain["__init__"](self, args, *positional, **options)
            if listened is not None:
                if options.get("stderr") is subprocess.PIPE and not _is_asyncio(options):
                    self.stderr = _Tee(self.stderr, listener._hear)
                    listened.file = None
                listener._listened[id(self)] = listened
                listener._note_secrets(options.get("env") or {})

        def communicate(self: Any, *positional: Any, **options: Any) -> Any:
            ours = id(self) in listener._listened  # to be waited for, which it is in there, ends that
            out = plain["communicate"](self, *positional, **options)
            if ours:
                listener._said(out[1])
            return out

        def ended(name: str) -> Callable[..., Any]:
            def method(self: Any, *positional: Any, **options: Any) -> Any:
                status = plain[name](self, *positional, **options)
                if status is not None:
                    listener._read(self)
                return status

            return method

        subprocess.Popen.__init__ = init  # type: ignore[assignment, method-assign]
        subprocess.Popen.communicate = communicate  # type: ignore[assignment, method-assign]
        subprocess.Popen.wait = ended("wait")  # type: ignore[method-assign]
        subprocess.Popen.poll = ended("poll")  # type: ignore[method-assign]
        try:
            yield
        finally:
            for name, method in plain.items():
                setattr(subprocess.Popen, name, method)
            self.read_all()

    def read_all(self) -> None:
        """What files hold by now of processes that nobody has waited for."""
        for listened in self._listened.values():
            self._read_file(listened)

    def _begin(self, options: dict[str, Any]) -> _Listened:
        target = options.get("stderr")
        if target is subprocess.STDOUT:
            target = options.get("stdout")
        if target is subprocess.DEVNULL and options.get("stderr") is subprocess.DEVNULL:
            kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed when it was read
            options["stderr"] = kept
            return _Listened(None, ours=kept)
        name = getattr(target, "name", None)
        if isinstance(name, str) and Path(name).is_file():
            return _Listened(Path(name), Path(name).stat().st_size)
        return _Listened(None)

    def _read(self, process: object) -> None:
        listened = self._listened.pop(id(process), None)
        if listened is not None:
            self._read_file(listened)

    def _read_file(self, listened: _Listened) -> None:
        if listened.ours is not None:
            listened.ours.seek(0)
            self._said(listened.ours.read())
            listened.ours.close()
            listened.ours = None
        elif listened.file is not None and listened.file.is_file():
            with listened.file.open("rb") as written:
                written.seek(listened.read_to)
                said = written.read()
            listened.read_to += len(said)
            self._said(said)

    def _said(self, said: str | bytes | None) -> None:
        if said:
            self._hear(said if isinstance(said, str) else said.decode(errors="replace"))

    def _note_secrets(self, environment: Mapping[str, str]) -> None:
        secret = secret_names()
        for variable, value in environment.items():
            if variable.removeprefix(PREFIX) in secret:
                for each in value.split(","):
                    self._learn(each.strip())


class _Tee:
    """A pipe that is read by its test and heard by us."""

    def __init__(self, pipe: Any, hear: Hear) -> None:
        self._pipe = pipe
        self._hear = hear

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.readline, self._pipe.read(0))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()

    def read(self, *arguments: Any) -> Any:
        return self._heard(self._pipe.read(*arguments))

    def readline(self, *arguments: Any) -> Any:
        return self._heard(self._pipe.readline(*arguments))

    def _heard(self, said: Any) -> Any:
        if said:
            self._hear(said if isinstance(said, str) else said.decode(errors="replace"))
        return said


def _is_ours(args: Any) -> bool:
    program = args if isinstance(args, str | Path) else next(iter(args), "")
    return str(program) in {sys.executable, str(Path(sys.executable).parent / "facepass")}


def _is_asyncio(options: Mapping[str, Any]) -> bool:
    """asyncio reads its pipes by their descriptors, and asks them for what only real ones have."""
    return options.get("bufsize") == 0 and options.get("universal_newlines") is False
