"""`facepass delete`."""

import rich_click as click

from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.options import json_option, service_options, session_option
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs


@click.command("delete", epilog="Example: facepass delete --session gala --yes")
@session_option
@click.option("--photo", metavar="ID", help="Erase only this photo of the session.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@service_options
@json_option
def command(session: str, photo: str | None, yes: bool, target: Target, as_json: bool) -> None:
    """Erase a session, or one photo of it, with everything stored of it: faces, vectors.

    It cannot be undone. The receipt proves the erasure without holding anything biometric; `facepass audit show` finds
    it again. Ends with 0 also where nothing was there.
    """
    if not yes:
        what = f"session {session!r}" if photo is None else f"photo {photo!r} of session {session!r}"
        click.confirm(f"Erase {what} for good?", abort=True, err=True)
    if photo is None:
        result = ask(target, lambda service: service.delete(session), Needs.STORAGE)
    else:
        result = ask(target, lambda service: service.delete_photo(session, photo), Needs.STORAGE)
    show(result, views.erased(result), json=as_json)
