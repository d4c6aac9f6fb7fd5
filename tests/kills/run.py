"""One job, killed at again and again, held against the same job left alone."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import numpy as np

from facepass.entrypoints.demo.people import People
from facepass.entrypoints.demo.photos import render_photo
from facepass.entrypoints.demo.scene import plan_session
from tests.kills.machines import KEY, Installation, installed

HEADERS = {"X-API-Key": KEY, "Prefer": "respond-async"}
CALM, KILLED = "calm", "killed"
LOOK_EVERY_S = 0.1
READY_TIMEOUT_S = 120.0
JOB_TIMEOUT_S = 1800.0
LEAST_COSINE = 0.999
"""Between the templates of one face in two runs: batches of other sizes round otherwise."""
FACES = """
    SELECT p.photo_id, f.face_no, f.box_x, f.box_y, f.box_width, f.box_height, f.embedding::text AS vector
    FROM sessions s JOIN photos p ON p.session_pk = s.pk LEFT JOIN faces f
        ON f.session_pk = p.session_pk AND f.model_pk = p.model_pk AND f.photo_pk = p.pk
    WHERE s.session_id = $1 ORDER BY p.photo_id, f.face_no
"""


@dataclass(frozen=True)
class Outcome:
    """What became of the job.

    Attributes:
        kills: by whom they met.
        starts: of every machine.
        differences: in words; empty where both runs stored the same.
    """

    photos: int
    stored: int
    faces: int
    kills: Counter[str]
    starts: dict[str, int]
    job: dict[str, Any]
    calm_s: float
    killed_s: float
    differences: tuple[str, ...]


def draw(folder: Path, *, different: int, seed: int) -> list[str]:
    """So many photos of the demo's generator; their keys."""
    people = People.installed()
    keys = []
    for number, plan in enumerate(plan_session(seed, different).photos):
        keys.append(f"{number:04}.jpg")
        (folder / keys[-1]).write_bytes(render_photo(people, plan))
    return keys


async def run(folder: Path, models_dir: Path, *, photos: int, kills: int, different: int, seed: int) -> Outcome:
    """Index the photos twice, the second time with that many kills spread over the job.

    Args:
        folder: empty; takes the photos.
        models_dir: prepared models.
        photos: of the job.
        kills: how many; who is met, and when, is up to `seed`.
        different: pictures among the photos.
        seed: of photos and kills.
    """
    keys = await asyncio.to_thread(draw, folder, different=different, seed=seed)
    listed = [{"photo_id": f"{number:05}", "s3_key": keys[number % different]} for number in range(photos)]
    manager = installed(folder, models_dir, workers=2)
    installation = await asyncio.to_thread(manager.__enter__)
    try:
        async with httpx.AsyncClient(base_url=f"{installation.url}/api/v1", headers=HEADERS, trust_env=False) as client:
            await until_ready(client)
            began = time.monotonic()
            await until_ended(client, installation, await submit(client, CALM, listed))
            calm_s = time.monotonic() - began
            began = time.monotonic()
            job_id = await submit(client, KILLED, listed)
            met = await _kill(client, installation, job_id, photos=photos, kills=kills, random=random.Random(seed))  # noqa: S311 - no secret
            job = await until_ended(client, installation, job_id)
            killed_s = time.monotonic() - began
        calm, killed = await _stored(installation.database.url)
    finally:
        await asyncio.to_thread(manager.__exit__, None, None, None)
    starts = {machine.name: machine.starts for machine in installation.machines}
    stored = len({photo for photo, _ in killed})
    faces = sum(number is not None for _, number in killed)
    return Outcome(photos, stored, faces, met, starts, job, calm_s, killed_s, _differences(calm, killed))


async def until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(READY_TIMEOUT_S):
        while True:
            try:
                if (await client.get("/health/ready")).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(LOOK_EVERY_S)


async def submit(client: httpx.AsyncClient, session: str, photos: list[dict[str, str]]) -> str:
    response = await client.post("/index/batch", json={"session_id": session, "photos": photos})
    response.raise_for_status()
    return str(response.json()["job_id"])


async def look(client: httpx.AsyncClient, job_id: str) -> dict[str, Any] | None:
    """How far the job is; None while nobody can tell."""
    try:
        response = await client.get(f"/jobs/{job_id}")
    except httpx.TransportError:
        return None
    return dict(response.json()) if response.status_code == httpx.codes.OK else None


async def _kill(
    client: httpx.AsyncClient,
    installation: Installation,
    job_id: str,
    *,
    photos: int,
    kills: int,
    random: random.Random,
) -> Counter[str]:
    """Kill somebody whenever the job has come a little further; everybody comes back by themselves."""
    met: Counter[str] = Counter()
    thresholds = sorted(random.randrange(photos) for _ in range(kills))
    async with asyncio.timeout(JOB_TIMEOUT_S):
        while thresholds:
            job = await look(client, job_id)
            if job is not None and job["done"] + job["failed"] >= thresholds[0]:
                thresholds.pop(0)
                machine = random.choice(installation.machines)
                await asyncio.sleep(random.uniform(0.0, 0.5))
                await asyncio.to_thread(machine.kill)
                met[machine.name] += 1
            await asyncio.to_thread(installation.revive)
            await asyncio.sleep(LOOK_EVERY_S)
    return met


async def until_ended(client: httpx.AsyncClient, installation: Installation, job_id: str) -> dict[str, Any]:
    async with asyncio.timeout(JOB_TIMEOUT_S):
        while True:
            job = await look(client, job_id)
            if job is not None and job["finished_at"] is not None:
                return job
            await asyncio.to_thread(installation.revive)
            await asyncio.sleep(LOOK_EVERY_S)


Faces = dict[tuple[str, int | None], asyncpg.Record]


async def _stored(database_url: str) -> tuple[Faces, Faces]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = [await connection.fetch(FACES, session) for session in (CALM, KILLED)]
    finally:
        await connection.close()
    calm, killed = ({(row["photo_id"], row["face_no"]): row for row in found} for found in rows)
    return calm, killed


def _differences(calm: Faces, killed: Faces) -> tuple[str, ...]:
    found = [f"only in one run: {key}" for key in sorted(calm.keys() ^ killed.keys(), key=str)]
    for key in calm.keys() & killed.keys():
        ours, theirs = calm[key], killed[key]
        if key[1] is None:
            continue
        boxes = [[row[name] for name in ("box_x", "box_y", "box_width", "box_height")] for row in (ours, theirs)]
        if not np.allclose(*boxes, atol=0.01):
            found.append(f"another box: {key}")
        vectors = [np.array(row["vector"].strip("[]").split(","), dtype=float) for row in (ours, theirs)]
        if float(vectors[0] @ vectors[1]) < LEAST_COSINE:
            found.append(f"another template: {key}")
    return tuple(found)
