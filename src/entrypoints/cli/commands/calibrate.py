"""`facepass calibrate`."""

from pathlib import Path

import rich_click as click

from facepass.entrypoints.cli.labelled_options import labelled_options
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, print_json, show
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

TARGET_FMR = 1e-4


@click.command("calibrate", epilog="Example: facepass calibrate --data labelled --renderings 4 --dry-run")
@labelled_options(required=False)
@click.option("--model", metavar="NAME", help="Recogniser to calibrate. Default: the one in force.")
@click.option(
    "--fmr",
    type=click.FloatRange(0, 0.1, min_open=True),
    default=TARGET_FMR,
    show_default=True,
    help="Share of comparisons of strangers that similarity 0.5 lets through.",
)
@click.option("--dry-run", is_flag=True, help="Leave the calibration as it is.")
@click.option("--reset", is_flag=True, help="Go back to the model's own calibration.")
@json_option
def command(
    *,
    data: Path | None,
    model: str | None,
    fmr: float,
    renderings: int,
    replicates: int,
    seed: int,
    out: Path | None,
    dry_run: bool,
    reset: bool,
    as_json: bool,
) -> None:
    """Fit similarity to labelled pictures: 0.5 where strangers come as rarely as asked.

    DIR has one folder a person with pictures of that person; the largest face of each counts. Writes the calibration to
    MODELS_DIR, whatever starts next reads it. Prints error rates and how many strangers sessions show, each with a 95 %
    interval of a bootstrap over people; leaves a DET curve and report.json. Pictures stay where they are; no vector is
    kept.
    """
    from facepass.entrypoints.container import build_container  # noqa: PLC0415 help does without
    from facepass.entrypoints.evaluation import calibration, outputs, views  # noqa: PLC0415 as above

    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    container = build_container(settings)
    if reset:
        if data is not None:
            raise click.UsageError("--reset fits nothing: leave out --data.")
        done = calibration.reset(settings, container.registry(), model)
        if as_json:
            print_json(done)
        else:
            click.echo(views.reset_text(done))
        return
    if data is None:
        raise click.UsageError("Missing option '--data'.")
    from facepass.entrypoints.cli.counting import counting  # noqa: PLC0415 as above

    options = calibration.Options(
        data=data, model=model, fmr=fmr, renderings=renderings, seed=seed, replicates=replicates
    )
    with counting() as counter:
        fitted = calibration.fit(settings, container.registry(), container.clock(), options, note=note, counter=counter)
    report = fitted.report if dry_run else calibration.put_in_force(container.registry(), fitted)
    folder = out or settings.application.data_dir / "calibration" / report.model
    report = outputs.leave_calibration(report, fitted, folder, note)
    show(report, views.calibration_view(report), json=as_json)
