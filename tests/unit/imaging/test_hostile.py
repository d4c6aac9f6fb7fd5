"""Property 17 over a corpus of hostile files: each becomes what it must, within bounded time and memory."""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from facepass.adapters.imaging.decode import decode_image
from facepass.adapters.imaging.jpeg import MAX_SCANS
from facepass.domain.errors import PayloadTooLarge, UnsupportedImage
from facepass.domain.face import ImageSize
from tests.hostile.corpus import FAMILIES, hostile_files
from tests.hostile.largest import SOURCES, UPLOADS, largest_sources, largest_uploads
from tests.hostile.ordinary import ordinary_pictures
from tests.hostile.pieces import Outcome, Part, blocks, encoded

ROOT = Path(__file__).parents[3]
MOST_RESIDENT_BYTES = 600_000_000
MOST_CPU_S = 10.0
"""For one file, some ten times what the dearest takes on a slow machine."""


def outcome_of(data: bytes) -> str:
    """What becomes of a file; any other exception is the test's failure."""
    try:
        image = decode_image(data, UPLOADS)
    except (UnsupportedImage, PayloadTooLarge) as refusal:
        return type(refusal).__name__
    assert max(image.size.width, image.size.height) <= UPLOADS.max_side
    assert image.pixels.ndim == 3
    assert image.pixels.nbytes <= 3 * UPLOADS.max_pixels
    return type(image).__name__


def test_there_are_at_least_300_different_hostile_files() -> None:
    names = Counter[str]()
    contents = set[int]()
    for file in hostile_files():
        names[file.name] += 1
        contents.add(hash(file.data))
        assert len(file.data) <= UPLOADS.max_bytes, file.name
    assert len(contents) >= 300
    assert set(names.values()) == {1}


@pytest.mark.property
@pytest.mark.parametrize("family", FAMILIES)
def test_property_17_hostile_files_are_refused_or_decoded_within_limits(family: str) -> None:
    wrong: list[str] = []
    for name, data, outcome in FAMILIES[family]():
        started = time.process_time()
        became = outcome_of(data)
        if outcome is not Outcome.ANY and became != outcome.value:
            wrong.append(f"{name}: {became}, not {outcome.value}")
        if time.process_time() - started > MOST_CPU_S:
            wrong.append(f"{name}: {time.process_time() - started:.1f} s")
    assert not wrong


@pytest.mark.property
def test_property_17_memory_is_bounded_by_the_limits(tmp_path: Path) -> None:
    def written(name: str, files: Iterable[tuple[str, bytes] | Part]) -> None:
        for number, (_, data, *_) in enumerate(files):
            (tmp_path / f"{name} {number}").write_bytes(data)

    for family, build in FAMILIES.items():
        written(family, build())
    written("upload", largest_uploads())
    written("source", largest_sources())
    command = [sys.executable, "-m", "tests.hostile.decode_all", str(tmp_path)]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    finally:
        for path in tmp_path.iterdir():
            path.unlink()
    said = json.loads(done.stdout)
    assert said["peak_bytes"] < MOST_RESIDENT_BYTES, said
    assert min(said["outcomes"].values()) > 20, said


@pytest.mark.parametrize(("name", "data"), [pytest.param(name, data, id=name) for name, data in ordinary_pictures()])
def test_pictures_as_cameras_and_programs_write_them_are_accepted(name: str, data: bytes) -> None:
    assert decode_image(data, UPLOADS).size == ImageSize(64, 48), name


def test_as_many_scans_as_are_allowed_are_decoded_and_no_more() -> None:
    jpeg = encoded(blocks(), "JPEG", progressive=True)
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    written = jpeg.count(b"\xff\xda")
    most = jpeg[:-2] + scan * (MAX_SCANS - written)
    assert decode_image(most + b"\xff\xd9", SOURCES).size == ImageSize(64, 48)
    with pytest.raises(UnsupportedImage, match=f"{MAX_SCANS + 1} scans"):
        decode_image(most + scan + b"\xff\xd9", SOURCES)


@pytest.mark.parametrize("kind", ["WEBP", "JPEG"])
def test_what_takes_more_memory_than_its_pixels_account_for_is_refused(kind: str) -> None:
    flat = Image.new("RGB" if kind == "WEBP" else "CMYK", (5400, 5400) if kind == "WEBP" else (6960, 6960))
    with pytest.raises(PayloadTooLarge, match="bytes of memory"):
        decode_image(encoded(flat, kind, method=0, progressive=True), SOURCES)
