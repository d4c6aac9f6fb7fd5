"""All hostile files, each with what must become of it under the limits of uploads."""

from collections.abc import Iterator

from tests.hostile import bmps, jpegs, metadata, pngs, polyglots, strangers, webps
from tests.hostile.pieces import HostileFile

FAMILIES = {
    "jpeg": jpegs.hostile,
    "png": pngs.hostile,
    "webp": webps.hostile,
    "bmp": bmps.hostile,
    "metadata": metadata.hostile,
    "polyglots": polyglots.hostile,
    "other types": strangers.hostile,
}


def hostile_files() -> Iterator[HostileFile]:
    """Every file, built as it is asked for: some have ten megabytes."""
    for family, build in FAMILIES.items():
        for name, data, outcome in build():
            yield HostileFile(f"{family}: {name}", data, outcome)
