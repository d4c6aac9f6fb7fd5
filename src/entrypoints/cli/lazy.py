"""A group that knows its commands by name and imports one only to run it: `--help` and completion stay quick."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import rich_click as click
from click.exceptions import Exit

from facepass.domain.errors import FacePassError
from facepass.entrypoints.cli.exit_codes import ExitCode, exit_code_of
from facepass.entrypoints.cli.output import show_error, show_unexpected

DEBUG = "facepass.debug"
"""Key of the context's `meta`: whether tracebacks are wanted."""

JSON = "facepass.json"
"""Key of the context's `meta`: whether output is for a program."""


class LazyGroup(click.RichGroup):
    """The root of the command line; also where every error becomes a message and an exit code.

    Args:
        package: its module `NAME` holds the command `NAME`, as `command`.
        summaries: the commands, in the order of `--help`, each with its line there.
        attributes: passed on to click.
    """

    def __init__(self, *, package: str, summaries: Mapping[str, str], **attributes: Any) -> None:
        super().__init__(**attributes)
        self._package = package
        self._order = tuple(summaries)
        for name, summary in summaries.items():
            self.add_command(click.RichCommand(name=name, help=summary))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        """In the order of use, not of the alphabet."""
        return list(self._order)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The real command in place of the one that only stands in the list."""
        name, listed, rest = super().resolve_command(ctx, args)
        if listed is None or listed.name is None:
            return name, listed, rest
        command: click.Command = import_module(f"{self._package}.{listed.name}").command
        return name, command, rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error ends the process with the exit code of its kind."""
        try:
            return super().invoke(ctx)
        except FacePassError as error:
            show_error(error, json=ctx.meta.get(JSON, False))
            ctx.exit(exit_code_of(error))
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            ctx.exit(ExitCode.INTERRUPTED)
        except (click.ClickException, Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 the outermost frame: a person gets a sentence, not a traceback
            show_unexpected(error, json=ctx.meta.get(JSON, False), traceback=ctx.meta.get(DEBUG, False))
            ctx.exit(ExitCode.UNEXPECTED)
