"""Photos a second: indexing over HTTP into PostgreSQL against the bare pipeline, in one run.

The bare pipeline is decoding, detecting, assessing, aligning and embedding in as many threads: no HTTP, no database, no
event loop. Rounds alternate between the two, so that what else happens on the machine meets both.
"""

import asyncio
import io
import os
import secrets
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx
import msgspec
import numpy as np
from PIL import Image

from facepass.adapters.memory.vision import InlineWorkers
from facepass.adapters.onnx.golden import portrait
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.system.heap import keep_heap
from facepass.entrypoints.container import build_container
from facepass.entrypoints.demo.backdrop import backdrop, grain
from facepass.entrypoints.demo.service_process import ServiceProcess, private_launch
from facepass.entrypoints.settings import Settings

T = TypeVar("T")

PHOTO_SIZE: Final = (1920, 1080)
FACE_SIDES_PX: Final = (160, 560)
PHOTOS: Final = 12
CONNECTIONS: Final = 8
WARM_UP_S: Final = 1.0
ANSWER_TIMEOUT_S: Final = 60.0
_BOUNDARY: Final = "facepass-photo"


class Throughput(msgspec.Struct, frozen=True):
    """What was measured.

    Attributes:
        threads: of both.
        connections: that the client keeps busy.
        rounds: of each.
        bare_per_second, service_per_second: photos, medians over rounds.
        ratio: service to bare, the median of the rounds' ratios.
    """

    threads: int
    connections: int
    rounds: int
    bare_per_second: float
    service_per_second: float
    ratio: float


def drawn_photos(count: int) -> list[bytes]:
    """So many JPEG files of 1920 by 1080 pixels: a drawn face in each, on a busy background; always the same."""
    face = Image.fromarray(portrait())
    photos = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        scene = backdrop(random, *PHOTO_SIZE)
        side = int(random.integers(*FACE_SIDES_PX))
        at = tuple(int(random.integers(0, room - side)) for room in PHOTO_SIZE)
        scene.paste(face.resize((side, side), Image.Resampling.BICUBIC), (at[0], at[1]))
        encoded = io.BytesIO()
        grain(random, scene, 3.0).save(encoded, "JPEG", quality=88)
        photos.append(encoded.getvalue())
    return photos


def bare_pipeline(settings: Settings) -> Callable[[bytes], int]:
    """What makes the templates of one photo where it is called, and returns how many: the configured adapters.

    Raises:
        ConfigurationError: a model cannot be loaded.
    """
    keep_heap()
    container = build_container(settings)
    container.workers.override(InlineWorkers())
    decoder, detector, quality, limits = (
        container.decoder(), container.detector(), container.quality(), container.source_limits()
    )  # fmt: skip
    registry = container.registry()
    manifest = registry.recogniser(settings.recognition.recognizer_type)
    recogniser = Recogniser(manifest, registry.require(manifest), device=container.device())

    async def templates(data: bytes) -> int:
        image = await decoder.decode(data, limits)
        faces = await detector.detect(image)
        await quality.assess(image, faces)
        if faces:
            recogniser.embed(np.stack([align(image.pixels, face.landmarks, manifest.template) for face in faces]))
        return len(faces)

    return lambda data: finished(templates(data))


def run_bare(work: Callable[[bytes], object], photos: Sequence[bytes], *, threads: int, seconds: float) -> float:
    """Photos a second, in so many threads."""
    done = [0] * threads
    started_s = time.perf_counter()

    def loop(number: int) -> None:
        turn = number
        while time.perf_counter() - started_s < seconds:
            work(photos[turn % len(photos)])
            done[number] += 1
            turn += threads

    running = [threading.Thread(target=loop, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return sum(done) / (time.perf_counter() - started_s)


async def measure(settings: Settings, *, rounds: int, seconds: float, progress: Callable[[str], None]) -> Throughput:
    """Compare a service of its own, on an embedded PostgreSQL in a temporary folder, with the bare pipeline.

    Args:
        settings: whose models and threads both use.
        rounds: of each, at least one.
        seconds: of each round.
        progress: told in a line what takes time.

    Raises:
        ConfigurationError: the service does not start, or refuses a photo.
    """
    progress("Drawing photos.")
    photos = await asyncio.to_thread(drawn_photos, PHOTOS)
    work = await asyncio.to_thread(bare_pipeline, settings)
    threads = settings.recognition.ml_threads
    with _temporary_folder() as folder:
        key = secrets.token_urlsafe(16)
        launch = private_launch(
            os.environ, data_dir=folder, models_dir=settings.models_dir, log=folder / "log", api_key=key, port=0
        )
        progress("Starting a service.")
        service = ServiceProcess.start(launch)
        try:
            await service.ready(lambda _: None)
            progress(f"Indexing photos for {2 * rounds * seconds:.0f} s.")
            await _run_service(service.url, key, photos, seconds=WARM_UP_S)
            bare, served = [], []
            for _ in range(rounds):
                bare.append(await asyncio.to_thread(run_bare, work, photos, threads=threads, seconds=seconds))
                served.append(await _run_service(service.url, key, photos, seconds=seconds))
        finally:
            await service.stop()
    ratios = [over_http / reference for over_http, reference in zip(served, bare, strict=True)]
    medians = (round(statistics.median(found), 3) for found in (bare, served, ratios))
    return Throughput(threads, CONNECTIONS, rounds, *medians)


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder below which the embedded database may work as another user, as it does where this one is root."""
    with tempfile.TemporaryDirectory(prefix="facepass-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


async def _run_service(url: str, key: str, photos: Sequence[bytes], *, seconds: float) -> float:
    """Photos a second over HTTP."""
    headers = {"X-API-Key": key, "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    bodies = [_form(number, photo) for number, photo in enumerate(photos)]
    done = [0] * CONNECTIONS
    started_s = time.perf_counter()
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(trust_env=False, timeout=ANSWER_TIMEOUT_S, limits=limits) as client:

        async def loop(number: int) -> None:
            turn = number
            while time.perf_counter() - started_s < seconds:
                answer = await client.post(f"{url}/api/v1/index", content=bodies[turn % len(bodies)], headers=headers)
                answer.raise_for_status()
                done[number] += 1
                turn += 1

        async with asyncio.TaskGroup() as group:
            for number in range(CONNECTIONS):
                group.create_task(loop(number))
    return sum(done) / (time.perf_counter() - started_s)


def _form(number: int, photo: bytes) -> bytes:
    """A body of `POST /index`, encoded once."""
    texts = "".join(
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in (("session_id", "benchmark"), ("photo_id", number))
    )
    head = f'{texts}--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n\r\n'
    return head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()


def finished(work: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise RuntimeError("the coroutine waits for something")
