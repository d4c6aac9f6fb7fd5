"""Photos a second: indexing over HTTP into PostgreSQL against the bare pipeline, in one run.

    python benchmarks/throughput.py --rounds 5 --seconds 8

One-face 1080p JPEG photographs (see `scenery.py`). The service is `facepass serve` in a process of its own on the
embedded PostgreSQL, and a client keeps 8 connections busy. The bare pipeline is decoding, detecting, assessing,
aligning and embedding in as many threads, in this process: no HTTP, no database, no event loop
(`facepass.entrypoints.throughput`). Rounds alternate, so that what else happens on the machine meets both, and the
ratio is taken round by round. Ends with 1 where the median
ratio misses the target. Processor milliseconds a photo say where the rest goes.
"""

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import load
import psutil
import scenery
import service

from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.throughput import bare_pipeline, run_bare

TARGET = 0.85
SESSION = "benchmark"


def processor_s(pid: int, *, children: bool = False) -> float:
    """Processor seconds that a process has taken, and with it its children where asked for."""
    process = psutil.Process(pid)
    family = [process, *(process.children(recursive=True) if children else ())]
    total = 0.0
    for member in family:
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def main() -> None:
    """Alternate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--photos", type=int, default=24, help="different pictures")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of both sides")
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    chosen = parser.parse_args()
    photos = scenery.one_face_photos(chosen.photos)
    work = bare_pipeline(load_settings({**os.environ, "FACEPASS_MODELS_DIR": str(chosen.models_dir)}))
    with_faces = sum(work(photo) == 1 for photo in photos)
    size_kb = statistics.fmean(map(len, photos)) / 1000
    print(
        f"{chosen.photos} photos, {size_kb:.0f} kB each, one face in {with_faces}; {chosen.threads} threads", flush=True
    )
    requests = [
        load.post_form("/api/v1/index", {"session_id": SESSION, "photo_id": str(number)}, photo)
        for number, photo in enumerate(photos)
    ]
    with service.running(chosen.models_dir, {"FACEPASS_ML_THREADS": str(chosen.threads)}) as served:
        asyncio.run(load.run(served.port, requests, connections=chosen.connections, seconds=1.0))
        ratio = compare(served, work, photos, requests, chosen)
    print(f"median ratio {ratio:.3f}, target {TARGET}: {'met' if ratio >= TARGET else 'MISSED'}")
    if ratio < TARGET:
        sys.exit(1)


def compare(
    served: service.Running,
    work: Callable[[bytes], int],
    photos: list[bytes],
    requests: list[bytes],
    chosen: argparse.Namespace,
) -> float:
    """The median ratio of the rates, over all rounds."""
    ratios: list[float] = []
    database = served.database_pid()
    own = os.getpid()

    def bare() -> float:
        before = processor_s(own)
        rate = run_bare(work, photos, threads=chosen.threads, seconds=chosen.seconds)
        spent_ms = 1e3 * (processor_s(own) - before) / (rate * chosen.seconds)
        print(f"  bare    {rate:6.2f} photos/s, processor ms a photo: about {spent_ms:.0f}", flush=True)
        return rate

    def over_http() -> float:
        def spent() -> tuple[float, float, float]:
            of_database = processor_s(database, children=True) if database else 0.0
            return processor_s(served.pid), of_database, processor_s(own)

        before = spent()
        outcome = asyncio.run(load.run(served.port, requests, connections=chosen.connections, seconds=chosen.seconds))
        count = len(outcome.latencies_ms)
        of_service, of_database, of_client = (
            1e3 * (after - earlier) / count for after, earlier in zip(spent(), before, strict=True)
        )
        print(
            f"  service {outcome.per_second():6.2f} photos/s, processor ms a photo: {of_service:.1f}, "
            f"database {of_database:.1f}, client {of_client:.1f}; p50 {outcome.quantile_ms(0.5):.0f} ms, "
            f"p95 {outcome.quantile_ms(0.95):.0f} ms, statuses {outcome.statuses}",
            flush=True,
        )
        return outcome.per_second()

    for number in range(chosen.rounds):
        first, second = (bare, over_http) if number % 2 == 0 else (over_http, bare)
        one, other = first(), second()
        ratio = other / one if number % 2 == 0 else one / other
        ratios.append(ratio)
        print(f"round {number + 1}: service / bare = {ratio:.3f}", flush=True)
    return statistics.median(ratios)


if __name__ == "__main__":
    main()
