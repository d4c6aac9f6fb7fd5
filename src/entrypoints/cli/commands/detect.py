"""`facepass detect`."""

from pathlib import Path

import rich_click as click

from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.drawing import draw_faces
from facepass.entrypoints.cli.options import FILE, json_option, service_options
from facepass.entrypoints.cli.output import note, show
from facepass.entrypoints.cli.pictures import read_picture
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs


@click.command("detect", epilog="Example: facepass detect group.jpg --draw faces.png")
@click.argument("image", type=FILE)
@click.option(
    "--draw",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="OUT.png",
    help="Write the upright picture with boxes, landmarks, scores and quality drawn in.",
)
@service_options
@json_option
def command(image: Path, draw: Path | None, target: Target, as_json: bool) -> None:
    """Say which faces a picture shows, storing nothing.

    Score is the detector's, 0 to 1; quality is fitness for recognition, 0 to 100, with what pulls it down.
    """
    picture = read_picture(image)
    result = ask(target, lambda service: service.detect(picture), Needs.VISION)
    if draw is not None:
        draw_faces(picture, result.faces, draw)
        note(f"Drawn: {draw}")
    show(result, views.detected(result), json=as_json)
