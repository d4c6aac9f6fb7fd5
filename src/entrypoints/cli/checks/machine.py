"""Python, the packages, the processor and the disk."""

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from facepass.entrypoints.cli.checks.check import Check, fail, ok, warn
from facepass.entrypoints.settings import Settings

DISTRIBUTION = "facepass"
LEAST_FREE_BYTES = 1 << 30
SCARCE_FREE_BYTES = 5 << 30
STAND_INS = {"onnxruntime": ("onnxruntime-gpu",)}
"""Distributions that bring the same modules."""
FAST_INT8 = ("avx512_vnni", "avx_vnni", "asimddp")
"""Processor features that make the int8 models quick, as /proc/cpuinfo spells them."""


def checks(settings: Settings) -> Iterator[Check]:
    """All of them, in order of the report."""
    yield ok("python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield from _packages()
    yield _processor(settings)
    yield _data_dir(settings.application.data_dir)


def _packages() -> Iterator[Check]:
    """Every package we require, whether the version fits."""
    from packaging.requirements import Requirement  # noqa: PLC0415

    for text in metadata.requires(DISTRIBUTION) or ():
        requirement = Requirement(text)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        version = _version(requirement.name)
        if version is None:
            yield fail(requirement.name, "not installed", f"pip install '{text}'")
            continue
        if requirement.specifier.contains(version, prereleases=True):
            yield ok(requirement.name, version)
        else:
            yield fail(requirement.name, f"{version}, needed is {requirement.specifier}", f"pip install '{text}'")


def _version(distribution: str) -> str | None:
    """What is installed of a distribution, or of one that stands in for it; None for neither."""
    for name in (distribution, *STAND_INS.get(distribution, ())):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _processor(settings: Settings) -> Check:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    flags = _cpu_flags()
    quick = [feature for feature in FAST_INT8 if feature in flags]
    threads = settings.recognition.ml_threads
    detail = f"{usable} usable, {threads} inference threads"
    if flags:
        detail += f", int8 instructions: {', '.join(quick) or 'none'}"
    if threads > usable:
        return warn("processors", detail, f"ML_THREADS={usable}: more threads than processors only wait for each other")
    return ok("processors", detail)


def _cpu_flags() -> frozenset[str]:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found.group(1).split()) if found else frozenset()


def _data_dir(data_dir: Path) -> Check:
    """Whether the folder, or the place where it will be made, can be written and has room."""
    existing = data_dir.absolute()
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return fail(
            "data folder", f"{data_dir.absolute()}: {error.strerror}", "make it writable, or set DATA_DIR to another"
        )
    made = "" if data_dir.exists() else ", not made yet"
    detail = f"{data_dir.absolute()}{made}, {free / (1 << 30):.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return fail("data folder", detail, "free some space, or set DATA_DIR to a folder on a larger disk")
    if free < SCARCE_FREE_BYTES:
        return warn("data folder", detail, "free some space, or set DATA_DIR to a folder on a larger disk")
    return ok("data folder", detail)
