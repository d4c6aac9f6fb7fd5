"""What fuzzing begins with: the smaller hostile files, and ordinary pictures."""

import sys
from collections.abc import Iterator
from pathlib import Path

from tests.hostile.corpus import hostile_files
from tests.hostile.ordinary import ordinary_pictures

MAX_BYTES = 16 << 10
"""Mutating large files finds little and takes long."""


def seeds() -> Iterator[bytes]:
    for file in hostile_files():
        yield file.data
    for _, data in ordinary_pictures():
        yield data


def main(folder: Path) -> None:
    for number, data in enumerate(seeds()):
        if len(data) <= MAX_BYTES:
            (folder / f"{number:04}").write_bytes(data)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
