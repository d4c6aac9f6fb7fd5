"""`facepass evaluate`."""

from pathlib import Path

import rich_click as click

from facepass.entrypoints.cli.labelled_options import labelled_options
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, show
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr


def _names(_: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
    names = tuple(name.strip() for name in (value or "").split(",") if name.strip())
    if "all" in names and len(names) > 1:
        raise click.BadParameter("is either names or all", param=parameter)
    return names


@click.command("evaluate", epilog="Example: facepass evaluate --data labelled --models all")
@labelled_options(required=True)
@click.option("--models", callback=_names, metavar="A,B|all", help="Recognisers. Default: the one in force.")
@click.option("--detectors", callback=_names, metavar="X,Y|all", help="Detectors. Default: the one in force.")
@json_option
def command(
    *,
    data: Path,
    models: tuple[str, ...],
    detectors: tuple[str, ...],
    renderings: int,
    replicates: int,
    seed: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Compare recognisers and detectors on labelled pictures.

    DIR has one folder a person with pictures of that person; the largest face of each counts. Every detector looks at
    every picture, every recogniser embeds what each of them found. Every figure has a 95 % interval of a bootstrap over
    people; leaves report.json and a chart. `all` stands for every model that is installed. Changes nothing.
    """
    from facepass.entrypoints.cli.counting import counting  # noqa: PLC0415 help does without
    from facepass.entrypoints.container import build_container  # noqa: PLC0415 as above
    from facepass.entrypoints.evaluation import comparison, outputs, views  # noqa: PLC0415 as above

    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    options = comparison.Options(
        data=data, detectors=detectors, recognisers=models, renderings=renderings, seed=seed, replicates=replicates
    )
    with counting() as counter:
        compared = comparison.compare(
            settings, build_container(settings).registry(), options, note=note, counter=counter
        )
    folder = out or settings.application.data_dir / "evaluation"
    report = outputs.leave_comparison(compared, folder, note)
    show(report, views.comparison_view(report), json=as_json)
