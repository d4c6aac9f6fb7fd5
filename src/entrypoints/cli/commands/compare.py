"""`facepass compare`."""

from pathlib import Path

import rich_click as click

from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.options import FILE, json_option, service_options
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.pictures import read_picture
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs


@click.command("compare", epilog="Example: facepass compare passport.jpg selfie.jpg")
@click.argument("first", type=FILE)
@click.argument("second", type=FILE)
@click.option(
    "--threshold", type=click.FloatRange(0, 1), help="Least similarity of a match. Default: FACE_SIMILARITY_THRESHOLD."
)
@service_options
@json_option
def command(first: Path, second: Path, threshold: float | None, target: Target, as_json: bool) -> None:
    """Say whether two pictures show the same person, by the largest face of each."""
    pictures = read_picture(first), read_picture(second)
    result = ask(target, lambda service: service.compare(*pictures, threshold=threshold), Needs.VISION)
    show(result, views.compared(result), json=as_json)
