"""Keeps the memory of pictures and tensors in the process while there is work, and gives it back when there is none.

glibc gives large blocks straight back to the kernel, which hands them out again page by page, zeroed: thousands of page
faults a photo. And it keeps a heap for each thread, none of which helps out another. With one heap that is not trimmed
at once, what one photo leaves the next one takes: indexing one-face 1080p photos took 0.9 instead of 6.7 ms of system
time a photo, 8.5 % less processor time in all (two services side by side, `benchmarks/throughput.py`'s photos).

What stays behind after large pictures is free but scattered, hundreds of megabytes of it, under either policy; trimming
takes up to 0.2 s and leaves the models. So it is done when no picture has been at work for a while.
"""

import ctypes
import os
import sys
from collections.abc import Mapping
from typing import Final

MMAP_THRESHOLD_BYTES: Final = 32 * 1024 * 1024
"""Larger blocks go back to the kernel when they are freed; the most that glibc allows. Setting it also keeps glibc from
moving it by itself."""
TRIM_THRESHOLD_BYTES: Final = 1024 * 1024 * 1024
"""Unused memory at the end of the heap beyond this goes back to the kernel at once, while every thread waits for the
heap; so much that it hardly happens, and `give_back` is left to do it."""
HEAPS: Final = 1

IDLE_S: Final = 5.0
"""Without work for so long, memory is given back."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Parameters of glibc's mallopt(3)."""


def keep_heap(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell the C library; whether it was told. Best before there are threads: their heaps would stay.

    Args:
        environment: where whoever runs the service may have chosen otherwise (mallopt(3), GLIBC_TUNABLES); then
            nothing is changed.
    """
    chosen = any(name.startswith("MALLOC_") and name.endswith(("_", "_MAX")) for name in environment)
    if chosen or "glibc.malloc" in environment.get("GLIBC_TUNABLES", "") or not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return False
    return all(
        mallopt(parameter, value) == 1
        for parameter, value in (
            (_M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES),
            (_M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES),
            (_M_ARENA_MAX, HEAPS),
        )
    )


def give_back() -> bool:
    """Return unused memory to the kernel; whether there was any. May take 0.2 s, and holds the heap meanwhile."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform.startswith("linux") else None
    return trim is not None and trim(0) == 1
