"""`facepass bench`: what this machine makes of the models."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import rich_click as click
from PIL import Image as PillowImage
from PIL import ImageOps
from rich.console import RenderableType
from rich.table import Table

from facepass.application.ports import FaceDetector
from facepass.domain.face import Image, ImageSize, Landmarks
from facepass.domain.ports import EmbeddingModel
from facepass.entrypoints.cli.folder import IdFrom, photos_in
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, show
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr
from facepass.entrypoints.settings import Settings

LONG_SIDES_PX = (640, 1024, 1920)
FACES = (1, 8, 32)
WARM_UP_ROUNDS = 2
DRAWN_FACES = 32
MOST_SIDE_PX = 1920
"""Photos are reduced to this long side before faces are looked for."""
FACE = np.array([(48, 46), (102, 46), (75, 78), (51, 102), (99, 102)], dtype=np.float64)
"""Landmarks of a face of 150 pixels."""


class Timing(msgspec.Struct, frozen=True):
    """One measured thing.

    Attributes:
        part: `detect` or `embed`.
        size: of the picture, or how many faces at once.
        p50_ms, p95_ms: of one call, in milliseconds.
        per_second: calls, or faces, at the median.
    """

    part: str
    size: str
    p50_ms: float
    p95_ms: float
    per_second: float


class Precision(msgspec.Struct, frozen=True):
    """The float against the int8 recogniser, on one thread.

    Attributes:
        batch: faces at once.
        fp32_ms, int8_ms: a face, its mirror image included.
        faster: how many times int8 is faster.
    """

    batch: int
    fp32_ms: float
    int8_ms: float
    faster: float


class Benchmark(msgspec.Struct, frozen=True):
    """All of it.

    Attributes:
        faces: whose two vectors were compared.
        least_cosine, mean_cosine: between a face's float and int8 vectors.
    """

    detector: str
    recogniser: str
    threads: int
    rounds: int
    timings: tuple[Timing, ...]
    precisions: tuple[Precision, ...]
    faces: int
    least_cosine: float
    mean_cosine: float


@click.group("bench", epilog="Example: facepass bench models")
def command() -> None:
    """Measure this machine."""


@command.command("models", epilog="Example: facepass bench models --rounds 50")
@click.option("--rounds", type=click.IntRange(3, 1000), default=20, show_default=True, help="Calls of each kind.")
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Compare float and int8 vectors on the faces of these photos; else on a drawn face.",
)
@json_option
def models(rounds: int, photos: Path | None, as_json: bool) -> None:
    """Time the detector by picture size and the recogniser by faces at once, one call after another.

    Uses the models and ML_THREADS in force, on generated pictures, then compares the float with the int8 recogniser on
    one thread. Touches no database.
    """
    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    result = asyncio.run(_measure(settings, rounds, photos))
    show(result, _view(result), json=as_json)


async def _measure(settings: Settings, rounds: int, photos: Path | None) -> Benchmark:
    from facepass.entrypoints import upkeep  # noqa: PLC0415 as below
    from facepass.entrypoints.container import build_container  # noqa: PLC0415 loads the models' runtime
    from facepass.entrypoints.lifespan import vision_running  # noqa: PLC0415 as above

    container = build_container(settings)
    async with vision_running(container, progress=note):
        detector, model = container.detector(), container.model()
        timings = [await _detection(detector, side, rounds) for side in LONG_SIDES_PX]
        timings += [await _embedding(model, faces, rounds) for faces in FACES]
        names = detector.name, model.model_id
    pictures = upkeep.drawn_faces(DRAWN_FACES) if photos is None else _pictures_in(photos)
    compared = await asyncio.to_thread(upkeep.compare_prepared_precisions, settings, pictures, repeats=rounds)
    return Benchmark(
        *names,
        threads=settings.recognition.ml_threads,
        rounds=rounds,
        timings=tuple(timings),
        precisions=tuple(
            Precision(at.batch_size, round(at.fp32_ms, 2), round(at.int8_ms, 2), round(at.ratio, 2))
            for at in compared.timings
        ),
        faces=compared.faces,
        least_cosine=round(compared.least_cosine, 5),
        mean_cosine=round(compared.mean_cosine, 5),
    )


def _pictures_in(folder: Path) -> Iterator[npt.NDArray[np.uint8]]:
    """The photos of a folder, upright; what cannot be read is passed over."""
    for photo in photos_in(folder, IdFrom.PATH):
        try:
            with PillowImage.open(photo.path) as opened:
                upright = ImageOps.exif_transpose(opened).convert("RGB")
        except (OSError, PillowImage.DecompressionBombError):
            note(f"{photo.path} cannot be read.")
            continue
        upright.thumbnail((MOST_SIDE_PX, MOST_SIDE_PX))
        yield np.asarray(upright)


async def _detection(detector: FaceDetector, long_side: int, rounds: int) -> Timing:
    picture = _picture(long_side, long_side * 3 // 4)
    times_ms = await _times_ms(lambda: detector.detect(picture), rounds)
    return _timing("detect", f"{picture.size.width}x{picture.size.height}", times_ms, per_call=1)


async def _embedding(model: EmbeddingModel, faces: int, rounds: int) -> Timing:
    picture = _picture(1024, 768)
    places = [Landmarks.from_array(FACE + np.array([20 * (face % 16), 15 * (face // 16)])) for face in range(faces)]
    times_ms = await _times_ms(lambda: model.embed(picture, places), rounds)
    return _timing("embed", f"{faces} faces", times_ms, per_call=faces)


async def _times_ms(call: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    for _ in range(WARM_UP_ROUNDS):
        await call()
    times_ms = []
    for _ in range(rounds):
        started = time.perf_counter()
        await call()
        times_ms.append(1e3 * (time.perf_counter() - started))
    return times_ms


def _picture(width: int, height: int) -> Image:
    """A coarse pattern, the same every time; how long the models take does not depend on what they see."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    pixels = coarse.repeat(16, axis=0).repeat(16, axis=1)[:height, :width]
    return Image(np.ascontiguousarray(pixels), ImageSize(width, height))


def _timing(part: str, size: str, times_ms: list[float], *, per_call: int) -> Timing:
    p50, p95 = np.percentile(times_ms, (50, 95))
    return Timing(part, size, round(float(p50), 2), round(float(p95), 2), round(1e3 * per_call / float(p50), 1))


def _view(result: Benchmark) -> RenderableType:
    table = Table(
        box=None,
        pad_edge=False,
        title=f"{result.detector}, {result.recogniser}, {result.threads} threads, {result.rounds} calls each",
        title_justify="left",
    )
    for column in ("part", "size", "p50 ms", "p95 ms", "per second"):
        table.add_column(column, justify="left" if column in {"part", "size"} else "right")
    for timing in result.timings:
        table.add_row(
            timing.part, timing.size, f"{timing.p50_ms:.1f}", f"{timing.p95_ms:.1f}", f"{timing.per_second:.1f}"
        )
    return table
