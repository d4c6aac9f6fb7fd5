"""`facepass openapi`."""

import rich_click as click

from facepass.entrypoints.cli.output import print_json
from facepass.entrypoints.cli.runtime import load_settings


@click.command("openapi", epilog="Example: facepass openapi > openapi.json")
def command() -> None:
    """Print the OpenAPI 3.1 description of the HTTP API, as JSON. Starts nothing."""
    from facepass.entrypoints.container import build_container  # noqa: PLC0415 help does without
    from facepass.entrypoints.http.openapi import openapi_document  # noqa: PLC0415 help does without

    print_json(openapi_document(build_container(load_settings())))
