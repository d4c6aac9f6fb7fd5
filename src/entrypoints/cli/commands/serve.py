"""`facepass serve`."""

import msgspec
import rich_click as click

from facepass.entrypoints.cli.output import note
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr


@click.command("serve", epilog="Example: facepass serve --port 8000")
@click.option("--host", help="Address to listen on. Default: API_HOST.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. Default: API_PORT.")
def command(host: str | None, port: int | None) -> None:
    """Answer HTTP requests until SIGTERM or ctrl-C, then finish what is in flight.

    The first start prepares the models and creates the embedded database, unless another is configured. The address,
    and that of the documentation, is logged on standard error.
    """
    from facepass.entrypoints.container import build_container  # noqa: PLC0415 help does without
    from facepass.entrypoints.serve import serve  # noqa: PLC0415 help does without

    settings = load_settings()
    server = msgspec.structs.replace(
        settings.server, api_host=host or settings.server.api_host, api_port=port or settings.server.api_port
    )
    settings = msgspec.structs.replace(settings, server=server)
    log_to_stderr(settings, least_level="INFO")
    serve(build_container(settings), progress=note)
