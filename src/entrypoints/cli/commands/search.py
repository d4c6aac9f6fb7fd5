"""`facepass search`."""

from pathlib import Path

import rich_click as click

from facepass.application.search_gallery import MAX_SELFIES
from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.options import FILE, json_option, service_options, session_option
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.pictures import read_picture
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs, SearchOptions


@click.command("search", epilog="Example: facepass search selfie.jpg another.jpg --session gala --limit 20")
@click.argument("selfies", type=FILE, nargs=-1, required=True, metavar="SELFIE...")
@session_option
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Least similarity of a match. Default: FACE_SIMILARITY_THRESHOLD."
)
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="Most photos to list.")
@click.option(
    "--on-multiple",
    type=click.Choice(["largest", "error"]),
    default="largest",
    show_default=True,
    help="What to do with a selfie that shows several faces of similar size.",
)
@service_options
@json_option
def command(
    *,
    selfies: tuple[Path, ...],
    session: str,
    threshold: float | None,
    limit: int,
    on_multiple: str,
    target: Target,
    as_json: bool,
) -> None:
    """Find the photos of a session in which the person of a selfie appears.

    Several selfies of that person, up to 5, find more photos than one.

    Best first, each photo once. Similarity runs from 0 to 1 and means the same for every model; 0.5 is the recommended
    bar.
    """
    if len(selfies) > MAX_SELFIES:
        raise click.UsageError(f"At most {MAX_SELFIES} selfies of one person make a search, not {len(selfies)}.")
    pictures = [read_picture(selfie) for selfie in selfies]
    options = SearchOptions(threshold, limit, on_multiple)
    result = ask(target, lambda service: service.search(session, pictures, options), Needs.ALL)
    show(result, views.found(result), json=as_json)
