"""`facepass forget`."""

from pathlib import Path

import rich_click as click

from facepass.application.search_gallery import MAX_LIMIT
from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.options import FILE, json_option, service_options, session_option
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.pictures import read_picture
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs, SearchOptions


@click.command("forget", epilog="Example: facepass forget selfie.jpg --session gala --dry-run")
@click.argument("selfie", type=FILE)
@session_option
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Least similarity of a face that is removed. Default: FACE_SIMILARITY_THRESHOLD.",
)
@click.option("--dry-run", is_flag=True, help="Only list the photos whose faces would be removed.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@service_options
@json_option
def command(
    *,
    selfie: Path,
    session: str,
    threshold: float | None,
    dry_run: bool,
    yes: bool,
    target: Target,
    as_json: bool,
) -> None:
    """Remove the faces of a session that match the person of a selfie. The photos stay.

    It cannot be undone, and faces below the threshold stay: --dry-run shows what it reaches. Nothing is kept of the
    person, so indexing a photo of them again brings their face back.
    """
    picture = read_picture(selfie)
    if dry_run:
        options = SearchOptions(threshold, MAX_LIMIT, on_multiple="error")
        found = ask(target, lambda service: service.search(session, [picture], options), Needs.ALL)
        show(found, views.found(found), json=as_json)
        return
    if not yes:
        click.confirm(f"Remove the person of {selfie} from session {session!r} for good?", abort=True, err=True)
    result = ask(target, lambda service: service.forget(session, picture, threshold=threshold), Needs.ALL)
    show(result, views.forgotten(result), json=as_json)
