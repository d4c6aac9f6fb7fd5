"""What the operating system and `postmaster.pid` say about a server process."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
READY = "ready"


@dataclass(frozen=True, slots=True)
class PidFile:
    """The lines of `postmaster.pid` that matter here.

    Attributes:
        port: 0 while the server has not got that far.
        status: `starting`, `ready` and so on; empty while unknown.
    """

    pid: int
    port: int
    status: str


def read_pid_file(data: Path) -> PidFile | None:
    """The server's own account of itself; None where there is none, or only a beginning."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        return None
    try:
        return PidFile(
            pid=int(lines[0]),
            port=int(lines[3]) if len(lines) > 4 else 0,  # noqa: PLR2004 - the fourth line, and it is complete
            status=lines[7].strip() if len(lines) > 7 else "",  # noqa: PLR2004 - the eighth line
        )
    except ValueError:
        return None


def exists(pid: int) -> bool:
    """Whether a process has this id, zombies included: this is how PostgreSQL itself looks at it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_server(pid: int, data: Path) -> bool:
    """Whether the process is alive and the postmaster of this data folder.

    Ids are used again, most of all in containers, where a server of the last run and a worker of this one easily get
    the same. Without `/proc` (macOS) any living process counts.
    """
    if pid <= 0 or not exists(pid):  # 0 stands for none; to the system it would mean our own process group
        return False
    if not PROC.joinpath("self").exists():
        return True
    try:
        arguments = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    # a zombie has an empty command line
    return Path(os.fsdecode(arguments[0])).name == "postgres" and os.fsencode(data) in arguments


def end_orphans(data: Path) -> None:
    """Tell backends that outlived their postmaster to quit at once: a new server cannot start beside them.

    Nothing is lost: what they had committed is in the write-ahead log.
    """
    if not PROC.joinpath("self").exists():
        return
    for entry in PROC.iterdir():
        # processes come and go while we look, and those of others do not show their folder
        with suppress(OSError):
            if (
                entry.name.isdecimal()
                and (entry / "comm").read_bytes().strip() == b"postgres"
                and (entry / "cwd").readlink() == data
            ):
                os.kill(int(entry.name), signal.SIGQUIT)
