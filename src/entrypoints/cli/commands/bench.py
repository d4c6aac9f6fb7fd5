"""`facepass bench`: what this machine makes of the models, and of the service around them."""

import asyncio
from pathlib import Path

import msgspec
import rich_click as click
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facepass.entrypoints.cli.folder import photos_in
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, show
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr
from facepass.entrypoints.photo_names import IdFrom
from facepass.entrypoints.settings import Settings

THROUGHPUT_ROUNDS = 3


class Row(msgspec.Struct, frozen=True):
    """Milliseconds a picture or a face, medians.

    Attributes:
        part: `detect` or `embed`.
        size: long side of the picture in pixels, or faces in a batch.
        one_thread_ms: one call after another, each on one thread.
        shared_ms: one call after another, each shared by all threads.
        side_by_side_ms: as many calls at once as there are threads, each on one: elapsed time over everything done.
    """

    part: str
    model: str
    size: int
    one_thread_ms: float
    shared_ms: float
    side_by_side_ms: float


class Precision(msgspec.Struct, frozen=True):
    """int8 against fp32.

    Attributes:
        faster: times, by faces in a batch, on one thread.
        faces: whose two vectors were compared.
        least_cosine, mean_cosine: between a face's two vectors.
    """

    faster: dict[int, float]
    faces: int
    least_cosine: float
    mean_cosine: float


class EndToEnd(msgspec.Struct, frozen=True):
    """Photos a second: indexing over HTTP into PostgreSQL, and the bare pipeline in the same run."""

    connections: int
    bare_per_second: float
    service_per_second: float
    ratio: float


class Benchmark(msgspec.Struct, frozen=True):
    """All of it; `end_to_end` is None where it was left out."""

    device: str
    threads: int
    rounds: int
    models: tuple[Row, ...]
    int8: Precision
    end_to_end: EndToEnd | None


_rounds = click.option(
    "--rounds", type=click.IntRange(1, 1000), default=15, show_default=True, help="Timed calls of each kind."
)
_photos = click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Compare int8 and fp32 vectors on the faces of these photos; else on a drawn face.",
)


@click.group("bench", invoke_without_command=True, epilog="Example: facepass bench --rounds 50 --seconds 20")
@_rounds
@click.option(
    "--seconds",
    type=click.FloatRange(min=0.1, max=600.0),
    default=5.0,
    show_default=True,
    help="Of indexing, three times over HTTP and three times without.",
)
@_photos
@json_option
@click.pass_context
def command(context: click.Context, rounds: int, seconds: float, photos: Path | None, as_json: bool) -> None:
    """Time the models by size, batch, precision and threads, and the service against the bare pipeline.

    Uses the models, the device and ML_THREADS in force, on generated pictures. The service is one of its own in a
    temporary folder; your database is not touched. `facepass bench models` leaves the service out.
    """
    if context.invoked_subcommand is None:
        _run(rounds, seconds, photos, as_json=as_json)


@command.command("models", epilog="Example: facepass bench models --rounds 50")
@_rounds
@_photos
@json_option
def models(rounds: int, photos: Path | None, as_json: bool) -> None:
    """Time only the models, and compare int8 with fp32: how much faster, and how far the vectors drift apart."""
    _run(rounds, None, photos, as_json=as_json)


def _run(rounds: int, seconds: float | None, photos: Path | None, *, as_json: bool) -> None:
    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    result = asyncio.run(_measure(settings, rounds, seconds, photos))
    show(result, _view(result), json=as_json)


async def _measure(settings: Settings, rounds: int, seconds: float | None, photos: Path | None) -> Benchmark:
    from facepass.entrypoints import bench, throughput  # noqa: PLC0415 load the models' runtime
    from facepass.entrypoints.container import build_container  # noqa: PLC0415 as above
    from facepass.entrypoints.lifespan import vision_running  # noqa: PLC0415 as above

    container = build_container(settings)
    async with vision_running(container, progress=note):  # prepares what is missing
        device = container.device().name
    costs = await asyncio.to_thread(bench.measure_models, settings, rounds=rounds, progress=note)
    paths = None if photos is None else [photo.path for photo in photos_in(photos, IdFrom.PATH)]
    int8 = await asyncio.to_thread(bench.compare_precisions, settings, paths)
    end_to_end = None
    if seconds is not None:
        found = await throughput.measure(settings, rounds=THROUGHPUT_ROUNDS, seconds=seconds, progress=note)
        end_to_end = EndToEnd(found.connections, found.bare_per_second, found.service_per_second, found.ratio)
    return Benchmark(
        device,
        settings.recognition.ml_threads,
        rounds,
        tuple(
            Row(
                cost.part,
                cost.model,
                cost.size,
                round(cost.one_thread_ms, 2),
                round(cost.shared_ms, 2),
                round(cost.side_by_side_ms, 2),
            )
            for cost in costs
        ),
        Precision(
            {size: round(times, 2) for size, times in bench.int8_gain(costs).items()},
            int8.faces,
            round(int8.least_cosine, 5),
            round(int8.mean_cosine, 5),
        ),
        end_to_end,
    )


def _view(result: Benchmark) -> RenderableType:
    table = Table(
        box=None,
        pad_edge=False,
        title=f"Milliseconds a picture or a face on {result.device}, medians of {result.rounds} calls",
        title_justify="left",
    )
    for column in ("part", "model", "size"):
        table.add_column(column, no_wrap=True)
    for column in ("one thread", f"{result.threads} threads a call", f"{result.threads} calls at once"):
        table.add_column(column, justify="right")
    for row in result.models:
        size = f"{row.size} px" if row.part == "detect" else f"{row.size} at once"
        times = (f"{ms:.1f}" for ms in (row.one_thread_ms, row.shared_ms, row.side_by_side_ms))
        table.add_row(row.part, row.model, size, *times)
    lines: list[RenderableType] = [table, Text()]
    faster = ", ".join(f"{times:.2f} times faster at {faces} at once" for faces, times in result.int8.faster.items())
    lines.append(
        Text(
            f"int8 against fp32: {faster}; on {result.int8.faces} faces cosine {result.int8.mean_cosine:.4f}, "
            f"least {result.int8.least_cosine:.4f}"
        )
    )
    if result.end_to_end is not None:
        found = result.end_to_end
        lines.append(
            Text(
                f"Indexing one-face 1080p photos: {found.service_per_second:.1f} a second over HTTP with "
                f"{found.connections} clients, {found.bare_per_second:.1f} by the bare pipeline, "
                f"ratio {found.ratio:.2f}"
            )
        )
    return Group(*lines)
