"""Photos a second through a job against the bare pipeline, and what a second worker adds.

    python benchmarks/jobs.py --photos 5000

Photos of the demo's generator. The bare pipeline is decoding, detecting, assessing, aligning and embedding in as many
threads, in this process: no queue, no database, no event loop (`facepass.entrypoints.throughput`). It runs before and
after the job, and the mean of both counts. The job is asked for over HTTP and worked on by `facepass worker` processes
over a PostgreSQL of their own, which shares the machine with them.

With `--scale` two jobs are run instead, each process held to one thread: one by one worker, one by two. Ends with 1
where the target is missed.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))
from facepass.entrypoints.demo.people import People
from facepass.entrypoints.demo.photos import render_photo
from facepass.entrypoints.demo.scene import plan_session
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.throughput import bare_pipeline, run_bare
from tests.kills.machines import KEY, Installation, installed
from tests.kills.run import until_ready

TARGET, SCALE_TARGET = 0.90, 1.6
HEADERS = {"X-API-Key": KEY, "Prefer": "respond-async"}
BARE_S = 30.0
LOOK_EVERY_S = 1.0
"""Looking costs the machine that is measured something, too."""
WARM_UP_PHOTOS = 50


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=5000)
    parser.add_argument("--different", type=int, default=200, help="different pictures among them")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of both sides")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", action="store_true", help="one worker against two")
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facepass-photos-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        people = People.installed()
        for number, plan in enumerate(plan_session(chosen.seed, chosen.different).photos):
            (folder / f"{number}.jpg").write_bytes(render_photo(people, plan))
        met = scales(folder, chosen) if chosen.scale else keeps_up(folder, chosen)
    if not met:
        sys.exit(1)


def keeps_up(folder: Path, chosen: argparse.Namespace) -> bool:
    """One worker against the bare pipeline."""
    environment = {**os.environ, "FACEPASS_MODELS_DIR": str(chosen.models_dir)}
    work = bare_pipeline(load_settings(environment))
    pictures = [(folder / f"{number}.jpg").read_bytes() for number in range(chosen.different)]

    def bare() -> float:
        rate = run_bare(work, pictures, threads=chosen.threads, seconds=BARE_S)
        print(f"  bare  {rate:6.2f} photos/s", flush=True)
        return rate

    with installed(
        folder, chosen.models_dir, workers=1, concurrency=2 * chosen.threads, settings=_threads(chosen.threads)
    ) as machines:
        asyncio.run(run_job(machines, chosen, photos=WARM_UP_PHOTOS))
        before = bare()
        through_job = asyncio.run(run_job(machines, chosen, photos=chosen.photos))
        print(f"  job   {through_job:6.2f} photos/s over {chosen.photos} photos", flush=True)
        reference = (before + bare()) / 2
    ratio = through_job / reference
    print(f"ratio {ratio:.3f}, target {TARGET}: {'met' if ratio >= TARGET else 'MISSED'}")
    return ratio >= TARGET


def scales(folder: Path, chosen: argparse.Namespace) -> bool:
    """One worker against two, all with one thread."""
    rates = []
    for workers in (1, 2):
        with installed(folder, chosen.models_dir, workers=workers, concurrency=2, settings=_threads(1)) as machines:
            asyncio.run(run_job(machines, chosen, photos=WARM_UP_PHOTOS))
            rates.append(asyncio.run(run_job(machines, chosen, photos=chosen.photos)))
        print(f"  {workers} worker{'s' * (workers > 1)}: {rates[-1]:6.2f} photos/s", flush=True)
    ratio = rates[1] / rates[0]
    print(f"two workers to one: {ratio:.2f}, target {SCALE_TARGET}: {'met' if ratio >= SCALE_TARGET else 'MISSED'}")
    return ratio >= SCALE_TARGET


def _threads(count: int) -> dict[str, str]:
    return {"FACEPASS_ML_THREADS": str(count)}


async def run_job(machines: Installation, chosen: argparse.Namespace, *, photos: int) -> float:
    """Photos a second of one job, from its first photo to its last by the service's own account."""
    listed = [{"photo_id": f"{number:05}", "s3_key": f"{number % chosen.different}.jpg"} for number in range(photos)]
    async with httpx.AsyncClient(base_url=f"{machines.url}/api/v1", headers=HEADERS, trust_env=False) as client:
        await until_ready(client)
        body = {"session_id": f"benchmark-{photos}", "photos": listed}
        accepted = (await client.post("/index/batch", json=body)).raise_for_status().json()
        began = ended = 0.0
        while True:
            job = (await client.get(f"/jobs/{accepted['job_id']}")).raise_for_status().json()
            now = time.perf_counter()
            if job["started_at"] is not None and not began:
                began = now
            if job["finished_at"] is not None:
                ended = now
                break
            await asyncio.sleep(LOOK_EVERY_S)
    if job["done"] != photos:
        print(f"the job failed for {job['failed']} photos: {job['errors'][:3]}")
        sys.exit(1)
    return photos / (ended - began)


if __name__ == "__main__":
    main()
