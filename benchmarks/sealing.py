"""Measures how fast stored templates are encrypted and decrypted.

    python benchmarks/sealing.py [--faces 50000] [--dimension 512] [--rounds 5] [--json]

One thread seals and opens random unit vectors under one data key, as when a gallery is read for search. The median of
the rounds counts.
"""

import argparse
import json
import secrets
import statistics
import time
from collections.abc import Callable

import numpy as np

from facepass.adapters.pgvector.sealing.keys import DataKey
from facepass.adapters.pgvector.sealing.templates import HALF, TemplateSealer


def median_s(work: Callable[[], object], rounds: int) -> float:
    """Median wall time of a piece of work."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def measure(faces: int, dimension: int, rounds: int) -> list[dict[str, object]]:
    """Time both directions; checks that what comes out went in."""
    raw = np.random.default_rng(1).standard_normal((faces, dimension), dtype=np.float32)
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(HALF)
    places = [(1, 1, photo, 0) for photo in range(faces)]
    sealer = TemplateSealer(DataKey.new(secrets.token_bytes))
    blobs = sealer.seal(vectors, places)
    assert np.array_equal(sealer.open(blobs, places, dimension), vectors)
    times_s = {
        "seal": median_s(lambda: sealer.seal(vectors, places), rounds),
        "open": median_s(lambda: sealer.open(blobs, places, dimension), rounds),
    }
    return [
        {
            "what": what,
            "faces": faces,
            "dimension": dimension,
            "seconds": round(taken_s, 3),
            "faces_per_second": round(faces / taken_s),
        }
        for what, taken_s in times_s.items()
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=int, default=50_000)
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print figures as JSON")
    arguments = parser.parse_args()
    figures = measure(arguments.faces, arguments.dimension, arguments.rounds)
    if arguments.json:
        print(json.dumps(figures))
        return
    for figure in figures:
        print("{what}  {faces} x {dimension}  {seconds} s  {faces_per_second} faces/s".format(**figure))


if __name__ == "__main__":
    main()
