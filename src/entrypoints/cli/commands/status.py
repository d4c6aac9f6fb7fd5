"""`facepass status`."""

import rich_click as click

from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.options import json_option, service_options, session_option
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.runtime import Target, ask
from facepass.entrypoints.client.service import Needs


@click.command("status", epilog="Example: facepass status --session gala")
@session_option
@service_options
@json_option
def command(session: str, target: Target, as_json: bool) -> None:
    """Say how far a session is indexed."""
    result = ask(target, lambda service: service.status(session), Needs.STORAGE)
    show(result, views.status(result), json=as_json)
