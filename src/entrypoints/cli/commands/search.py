"""`facepass search`."""

from pathlib import Path

import rich_click as click

from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.options import FILE, json_option, service_options, session_option
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.pictures import read_picture
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs, SearchOptions


@click.command("search", epilog="Example: facepass search selfie.jpg --session gala --limit 20")
@click.argument("selfie", type=FILE)
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
    selfie: Path,
    session: str,
    threshold: float | None,
    limit: int,
    on_multiple: str,
    target: Target,
    as_json: bool,
) -> None:
    """Find the photos of a session in which the person of a selfie appears.

    Best first, each photo once. Similarity runs from 0 to 1 and means the same for every model; 0.5 is the recommended
    bar.
    """
    picture = read_picture(selfie)
    options = SearchOptions(threshold, limit, on_multiple)
    result = ask(target, lambda service: service.search(session, picture, options), Needs.ALL)
    show(result, views.found(result), json=as_json)
