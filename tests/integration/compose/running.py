"""One container as a process, and how things are waited for."""

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.compose.model import Container
from tests.integration.compose.programs import Program

START_TIMEOUT_S = 120.0
POLL_S = 0.1


def wait_for(true: Callable[[], bool], what: Callable[[], str], timeout_s: float = START_TIMEOUT_S) -> None:
    """Return once it is true; `what` says what was waited for."""
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, what()
        time.sleep(POLL_S)


@dataclass
class Running:
    """A container that was started.

    Attributes:
        container: what the files say.
        program: how it is run here.
        address: where it listens.
        folder: its root.
        environment: of the process.
    """

    container: Container
    program: Program
    address: str
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return f"{self.container.name}:\n" + (path.read_text(errors="replace")[-4000:] if path.exists() else "")
