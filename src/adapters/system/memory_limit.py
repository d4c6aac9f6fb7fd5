"""How much memory this process may have: what the kernel kills it for, or all the machine has."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

_CGROUPS: Final = "sys/fs/cgroup"


def memory_limit_bytes(*, root: Path = Path("/")) -> int:
    """The least of the machine's memory and the limits of the control groups (version 1 or 2) that hold this process.

    Args:
        root: where /proc and /sys are.

    Raises:
        OSError, ValueError: this machine does not say.
    """
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    try:
        memberships = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in memberships:
        number, controllers, path = line.split(":", 2)
        if number == "0":
            folder, file = root / _CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            folder, file = root / _CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        # A container may see its own group as the root, or the path that it has on the host and cannot look into:
        # whatever is there of the groups above counts, too.
        group = PurePosixPath(path.lstrip("/"))
        for each in (group, *group.parents):
            with suppress(OSError, ValueError):  # not there, or "max": none
                yield int((folder / each / file).read_text(encoding="ascii"))
