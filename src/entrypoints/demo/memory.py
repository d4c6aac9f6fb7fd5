"""What the service and its database occupy, read from /proc where there is one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
INTERVAL_S = 0.5
MIB = 1024.0
"""KiB in a MiB: the kernel counts in KiB."""


@dataclass(slots=True)
class PeakMemory:
    """The largest amounts seen, in MiB; None where the platform does not tell.

    Attributes:
        service_mib: peak resident set (VmHWM) of the service's processes, summed.
        database_mib: proportional set (PSS) of all database processes together, so that shared buffers count once;
            sampled every `INTERVAL_S`.
    """

    service_mib: float | None = None
    database_mib: float | None = None


@asynccontextmanager
async def watched(service_pid: int, data_dir: Path) -> AsyncIterator[PeakMemory]:
    """Sample while inside; the result is complete when the block is left.

    Args:
        service_pid: the process that was started.
        data_dir: the service's DATA_DIR, where the embedded database notes its process.
    """
    peak = PeakMemory()

    async def sample_often() -> None:
        while True:
            await asyncio.to_thread(_sample, peak, service_pid, data_dir)
            await asyncio.sleep(INTERVAL_S)

    sampling = asyncio.create_task(sample_often())
    try:
        yield peak
        await asyncio.to_thread(_sample, peak, service_pid, data_dir)
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling


def _sample(peak: PeakMemory, service_pid: int, data_dir: Path) -> None:
    children = _children()
    database: set[int] = set()
    if postmaster := _postmaster(data_dir):
        database = _family(postmaster, children)
    service = _family(service_pid, children) - database
    peak.service_mib = _larger(peak.service_mib, _total(service, "status", "VmHWM:"))
    peak.database_mib = _larger(peak.database_mib, _total(database, "smaps_rollup", "Pss:"))


def _children() -> dict[int, list[int]]:
    """From each process to those it started."""
    children: dict[int, list[int]] = {}
    for entry in PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # The name in brackets may hold anything: fields are counted from its end.
            parent = int(entry.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.parent.name))
    return children


def _family(pid: int, children: dict[int, list[int]]) -> set[int]:
    found, waiting = set[int](), [pid]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += children.get(one, [])
    return found


def _postmaster(data_dir: Path) -> int | None:
    with suppress(OSError, ValueError, IndexError):
        return int((data_dir / "postgres" / "data" / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
    return None


def _total(pids: set[int], file: str, field: str) -> float | None:
    """A field in KiB summed over processes, in MiB; None where none has it."""
    amounts: list[float] = []
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            lines = (PROC / str(pid) / file).read_text(encoding="utf-8").splitlines()
            amounts.extend(float(line.split()[1]) / MIB for line in lines if line.startswith(field))
    return sum(amounts) if amounts else None


def _larger(old: float | None, new: float | None) -> float | None:
    return new if old is None else old if new is None else max(old, new)
