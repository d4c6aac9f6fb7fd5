"""`facepass delete`."""

import rich_click as click

from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.options import json_option, service_options, session_option
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs


@click.command("delete", epilog="Example: facepass delete --session gala --yes")
@session_option
@click.option("--yes", is_flag=True, help="Do not ask first.")
@service_options
@json_option
def command(session: str, yes: bool, target: Target, as_json: bool) -> None:
    """Erase a session with everything stored of it: photos, faces, vectors.

    It cannot be undone. The receipt proves the erasure without holding anything biometric.
    """
    if not yes:
        click.confirm(f"Erase session {session!r} for good?", abort=True, err=True)
    result = ask(target, lambda service: service.delete(session), Needs.STORAGE)
    show(result, views.erased(result), json=as_json)
