"""`facepass db upgrade`, `downgrade`, `current` and `history`: the schema."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, print_json
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

if TYPE_CHECKING:
    from facepass.entrypoints.upkeep import Migrations

T = TypeVar("T")


@click.command("upgrade", epilog="Example: facepass db upgrade")
@click.argument("revision", default="head")
@json_option
def upgrade(revision: str, as_json: bool) -> None:
    """Bring the schema to REVISION, by default the newest.

    Broken off, it goes on where it was when it is run again. A running service goes on meanwhile, until the last step:
    start the new version right after.
    """

    async def work(schema: "Migrations") -> tuple[bool, str | None]:
        return await schema.upgrade(revision), await schema.current()

    changed, current = _on_database(work)
    _tell(
        {"changed": changed, "revision": current},
        _at(current) if changed else f"Nothing to do. {_at(current)}",
        as_json,
    )


@click.command("downgrade", epilog="Example: facepass db downgrade base --yes")
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
def downgrade(revision: str, yes: bool, as_json: bool) -> None:
    """Take the schema back to REVISION, `base` for none. What only newer revisions hold is lost."""
    if not yes:
        click.confirm(f"Take the schema back to {revision}? Data is lost.", abort=True, err=True)

    async def work(schema: "Migrations") -> str | None:
        await schema.downgrade(revision)
        return await schema.current()

    current = _on_database(work)
    _tell({"changed": True, "revision": current}, _at(current), as_json)


@click.command("current", epilog="Example: facepass db current")
@json_option
def current(as_json: bool) -> None:
    """Say which revision the schema is at."""
    revision = _on_database(lambda schema: schema.current())
    _tell({"revision": revision}, _at(revision), as_json)


@click.command("history", epilog="Example: facepass db history")
@json_option
def history(as_json: bool) -> None:
    """List every revision, oldest first, and whether the database has it."""
    revisions = _on_database(lambda schema: schema.history())
    lines = [f"{'x' if step.applied else ' '} {step.revision}  {step.summary}" for step in revisions]
    _tell(revisions, "\n".join(lines), as_json)


def _on_database(work: "Callable[[Migrations], Awaitable[T]]") -> T:
    from facepass.entrypoints.upkeep import migrations  # noqa: PLC0415 help does without

    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")

    async def working() -> T:
        async with migrations(settings, progress=note) as schema:
            return await work(schema)

    return asyncio.run(working())


def _at(revision: str | None) -> str:
    return f"The schema is at {revision}." if revision else "The schema was never made: run `facepass db upgrade`."


def _tell(answer: Any, text: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(text)


COMMANDS = (upgrade, downgrade, current, history)
