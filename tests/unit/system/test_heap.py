import os
import subprocess
import sys

import pytest

from facepass.adapters.system.heap import keep_heap

FAULTS = """
import resource, sys
from facepass.adapters.system.heap import keep_heap
if sys.argv[1] == "kept":
    assert keep_heap({})
for _ in range(3):
    bytearray(20_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    one, other = bytearray(20_000_000), bytearray(4_000_000)
    del one, other
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""

GIVEN_BACK = """
from pathlib import Path
from facepass.adapters.system.heap import give_back, keep_heap

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

keep_heap({})
blocks = [bytearray(4_000_000) for _ in range(60)]
kept = blocks[::10]
del blocks
before = resident()
assert give_back()
print(before, resident())
"""


@pytest.mark.skipif(not hasattr(os, "confstr") or "CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="not glibc")
def test_memory_that_was_used_is_used_again_without_page_faults() -> None:
    # in a process of its own: what the C library was told cannot be taken back
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", FAULTS, "kept"], capture_output=True, text=True, check=True, env=clean
    )
    # 24 MB are 5900 pages; the first of the twenty rounds may still grow the heap
    assert int(run.stdout) < 2 * 5900


@pytest.mark.parametrize(
    "environment",
    [
        {"MALLOC_ARENA_MAX": "2"},
        {"MALLOC_TRIM_THRESHOLD_": "131072"},
        {"GLIBC_TUNABLES": "glibc.malloc.arena_max=2"},
    ],
)
def test_what_an_operator_chose_stays(environment: dict[str, str]) -> None:
    assert not keep_heap(environment)


@pytest.mark.skipif(not hasattr(os, "confstr") or "CS_GNU_LIBC_VERSION" not in os.confstr_names, reason="not glibc")
def test_unused_memory_is_given_back() -> None:
    run = subprocess.run([sys.executable, "-c", GIVEN_BACK], capture_output=True, text=True, check=True)  # noqa: S603 - as above
    before, after = map(int, run.stdout.split())
    # 200 MB were used and are free; the blocks that are still held lie between them
    assert before - after > 150_000_000
