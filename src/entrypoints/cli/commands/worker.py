"""`facepass worker`."""

import rich_click as click

from facepass.entrypoints.cli.output import note
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

MAX_CONCURRENCY = 256


@click.command("worker", epilog="Example: facepass worker --concurrency 4")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    help="Photos in hand at once. Default: twice ML_THREADS, so that one is read while another is looked at.",
)
def command(concurrency: int | None) -> None:
    """Index the photos of jobs until SIGTERM or ctrl-C, then finish or hand back what is in hand.

    Any number may run on any number of machines, over one PostgreSQL and one photo store. One that is killed loses
    nothing: its photos are handed to another one seconds later. With the embedded PostgreSQL `facepass serve` works on
    jobs itself.
    """
    from facepass.entrypoints.container import build_container  # noqa: PLC0415 help does without
    from facepass.entrypoints.worker import work  # noqa: PLC0415 help does without

    settings = load_settings()
    log_to_stderr(settings, least_level="INFO")
    work(build_container(settings), concurrency=concurrency, progress=note)
