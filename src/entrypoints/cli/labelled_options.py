"""Options of the commands that look at labelled pictures, spelt and explained once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

Command = Callable[..., Any]

REPLICATES = 1000
SEED = 1


def labelled_options(*, required: bool) -> Callable[[Command], Command]:
    """`--data`, `--renderings`, `--replicates`, `--seed` and `--out`, passed on by these names.

    Args:
        required: whether the command can do nothing without `--data`.
    """
    options = (
        click.option(
            "--data",
            type=click.Path(exists=True, file_okay=False, path_type=Path),
            required=required,
            metavar="DIR",
            help="Labelled pictures: one folder a person.",
        ),
        click.option(
            "--renderings",
            type=click.IntRange(0, 100),
            default=0,
            show_default=True,
            help="Compare so many renderings of each picture, as event photos would show it, instead of the picture.",
        ),
        click.option(
            "--replicates",
            type=click.IntRange(100, 100_000),
            default=REPLICATES,
            show_default=True,
            help="Draws of the bootstrap.",
        ),
        click.option(
            "--seed", type=click.IntRange(0), default=SEED, show_default=True, help="Of renderings and bootstrap."
        ),
        click.option(
            "--out",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Where report and picture are left. Default: a folder in DATA_DIR.",
        ),
    )

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate
