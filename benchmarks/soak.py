"""Does memory pile up? Thousands of mixed pictures through the real service, and its resident memory as they pass.

    python benchmarks/soak.py --images 5000

`facepass serve` runs in a process of its own on the embedded PostgreSQL. Pictures have 0.1 to 24 megapixels, are JPEG,
PNG or WebP and show none to eight faces; one in twelve is broken: cut off, noise, an animation, or too large. They are
drawn at random from a pool of `--distinct` of them, for indexing, searching and detecting, over 8 connections. Every
250 pictures the service is left alone for some seconds, after which it gives back what it does not use, and its
resident memory is read: that of its own process, PostgreSQL aside; the largest it had until then stands beside. Ends
with 1 where the mean of the last four readings is 5 % or more above the one at 500, or where an answer is none of those
expected. A reading may be a picture higher than its neighbours: a refused picture stays with its error until Python's
collector comes by.
"""

import argparse
import asyncio
import io
import math
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import load
import numpy as np
import psutil
import scenery
import service
from PIL import Image

from facepass.adapters.system.heap import IDLE_S

BASELINE_AT = 500
MOST_GROWTH = 0.05
LAST_READINGS = 4
EVERY = 250
CONNECTIONS = 8
SETTLE_S = IDLE_S + 1.5
"""After the last answer."""
MEGAPIXELS = (0.1, 24.0)
MOST_FACES = 8
MOST_MEGAPIXELS = {"JPEG": 24.0, "PNG": 4.0, "WEBP": 8.0}
"""Sensor noise makes larger PNG files of tens of megabytes, and larger WebP files take seconds to make."""
SHAPES = ((3, 2), (4, 3), (16, 9), (1, 1), (2, 3), (3, 4))
BAD_SHARE = 1 / 12
OVERLOADED = 503
"""On a busy machine, large pictures wait longer than the service lets them; they are sent again."""
ANSWER_TIMEOUT_S = 300.0
EXPECTED = {200, 400, 404, 413, 415, 422, OVERLOADED}
"""400: an empty file; 422: no face, or none good enough; 404: a search in a session that is not there yet; 413 and 415:
broken pictures."""
PATHS = (("/api/v1/index", 0.7), ("/api/v1/search", 0.2), ("/api/v1/detect", 0.1))
SESSIONS, PHOTOS = 12, 400
SETTINGS = {"FACEPASS_MAX_IMAGE_SIDE": "6144", "FACEPASS_MAX_UPLOAD_BYTES": str(24 * 1024 * 1024)}


@dataclass(frozen=True, slots=True)
class Reading:
    """Memory at a quiet moment."""

    images: int
    resident_mb: float
    largest_mb: float
    threads: int
    elapsed_s: float


def good_picture(seed: int) -> bytes:
    """One picture of the pool."""
    random = np.random.default_rng((7, seed))
    kind = str(random.choice(["JPEG", "JPEG", "JPEG", "PNG", "WEBP"]))
    low, high = (math.log(bound) for bound in (MEGAPIXELS[0], MOST_MEGAPIXELS[kind]))
    pixels = 1e6 * math.exp(float(random.uniform(low, high)))
    across, down = SHAPES[int(random.integers(len(SHAPES)))]
    unit = math.sqrt(pixels / (across * down))
    size = max(64, round(across * unit)), max(64, round(down * unit))
    return scenery.photo(seed, size, faces=int(random.integers(0, MOST_FACES + 1)), file_format=kind)


def bad_pictures(good: list[bytes]) -> list[bytes]:
    """Files that are no pictures, or none that is accepted."""
    random = np.random.default_rng(11)
    animation, huge = io.BytesIO(), io.BytesIO()
    frames = [Image.new("RGB", (64, 64), (shade, 0, 0)) for shade in (0, 255)]
    frames[0].save(animation, "WEBP", save_all=True, append_images=frames[1:])
    Image.new("L", (9000, 100)).save(huge, "PNG")
    cut = [picture[: len(picture) // 2] for picture in good[:4]]
    return [*cut, random.bytes(200_000), b"", b"GIF89a" + random.bytes(500), animation.getvalue(), huge.getvalue()]


async def send_all(port: int, requests: list[bytes], statuses: dict[int, int]) -> None:
    """Every request once, over `CONNECTIONS` connections."""
    left = iter(requests)

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in left:
            status = OVERLOADED
            while status == OVERLOADED:
                writer.write(request)
                status = await asyncio.wait_for(load.read_answer(reader), ANSWER_TIMEOUT_S)
                statuses[status] = statuses.get(status, 0) + 1
        writer.close()
        await writer.wait_closed()

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(one())


def requests_of(count: int, good: list[bytes], bad: list[bytes], random: np.random.Generator) -> list[bytes]:
    """So many requests, drawn at random."""
    paths, shares = zip(*PATHS, strict=True)
    drawn = []
    for _ in range(count):
        pool = bad if random.random() < BAD_SHARE else good
        path = str(random.choice(paths, p=shares))
        fields = {"session_id": f"s{random.integers(SESSIONS)}"}
        if path.endswith("index"):
            fields["photo_id"] = f"p{random.integers(PHOTOS)}"
        picture = pool[int(random.integers(len(pool)))]
        drawn.append(load.post_form(path, {} if path.endswith("detect") else fields, picture))
    return drawn


def largest_mb(pid: int) -> float:
    """The most resident memory that a process has had, in megabytes; Linux only, elsewhere 0."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text(encoding="ascii").splitlines() if status.exists() else []
    return sum(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:"))


def soak(served: service.Running, images: int, good: list[bytes], bad: list[bytes]) -> tuple[list[Reading], bool]:
    """The series, and whether every answer was one of those expected."""
    random = np.random.default_rng(3)
    process = psutil.Process(served.pid)
    readings: list[Reading] = []
    statuses: dict[int, int] = {}
    started = time.perf_counter()
    for done in range(0, images, EVERY):
        count = min(EVERY, images - done)
        asyncio.run(send_all(served.port, requests_of(count, good, bad, random), statuses))
        time.sleep(SETTLE_S)
        memory = process.memory_info().rss / 1e6
        readings.append(
            Reading(done + count, memory, largest_mb(served.pid), process.num_threads(), time.perf_counter() - started)
        )
        last = readings[-1]
        print(
            f"{last.images:6} pictures {last.elapsed_s:7.0f} s  resident {last.resident_mb:7.1f} MB, "
            f"at most {last.largest_mb:.0f}  {last.threads} threads  {dict(sorted(statuses.items()))}",
            flush=True,
        )
    unexpected = set(statuses) - EXPECTED
    if unexpected:
        print(f"unexpected answers: {sorted(unexpected)}")
    return readings, not unexpected


def judge(readings: list[Reading]) -> bool:
    """Whether memory grew less than it may; prints by how much."""
    baseline = next(reading for reading in readings if reading.images >= BASELINE_AT)
    later = [reading.resident_mb for reading in readings if reading.images > baseline.images]
    growth, largest = (
        value / baseline.resident_mb - 1 for value in (statistics.fmean(later[-LAST_READINGS:]), max(later))
    )
    met = growth < MOST_GROWTH
    print(
        f"at {baseline.images}: {baseline.resident_mb:.1f} MB; at the end {100 * growth:+.1f} %, largest in between "
        f"{100 * largest:+.1f} %; target below +{100 * MOST_GROWTH:.0f} %: {'met' if met else 'MISSED'}"
    )
    return met


def main() -> None:
    """Soak and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--distinct", type=int, default=96, help="different good pictures")
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    chosen = parser.parse_args()
    if chosen.images <= BASELINE_AT:
        parser.error(f"--images must be more than {BASELINE_AT}")
    with ThreadPoolExecutor(2) as workers:
        good = list(workers.map(good_picture, range(chosen.distinct)))
    bad = bad_pictures(good)
    print(f"{len(good)} good pictures of {sum(map(len, good)) / 1e6:.0f} MB, {len(bad)} bad ones", flush=True)
    with service.running(chosen.models_dir, SETTINGS) as served:
        readings, answered = soak(served, chosen.images, good, bad)
    if not (judge(readings) and answered):
        sys.exit(1)


if __name__ == "__main__":
    main()
