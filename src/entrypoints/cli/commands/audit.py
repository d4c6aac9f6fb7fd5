"""`facepass audit`: the trail of what was done to sessions."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import print_json
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

if TYPE_CHECKING:
    from facepass.entrypoints.settings import Settings

T = TypeVar("T")

MAX_LAST = 10_000


@click.group("audit", epilog="Example: facepass audit verify")
def command() -> None:
    """Check the trail of what was done, and read it.

    Every write of a session adds an entry: what, when, how many. None holds a picture, a vector or an id; a session
    appears as SHA-256 of its id. Works on the configured database; the embedded one is started for it.
    """


@command.command("verify", epilog="Example: facepass audit verify --head 5f2c…")
@click.option("--head", metavar="HASH", help="That an earlier check ended with, kept elsewhere: must still be there.")
@json_option
@click.pass_context
def verify(context: click.Context, head: str | None, as_json: bool) -> None:
    """See that nobody has changed the trail. Ends with 1 where somebody has.

    Keep the head that it prints where whoever may change the database cannot: with it, the next check shows also
    whether all of the trail was written anew.
    """
    from facepass.entrypoints import audit  # noqa: PLC0415 help does without

    check = _run(lambda settings: audit.verify(settings, head=head))
    verdict = check.verdict
    if as_json:
        print_json({"sound": check.sound, "head_at": check.head_at, **_facts(verdict)})
    elif verdict.broken_at is not None:
        click.echo(f"BROKEN at entry {verdict.broken_at} of {verdict.entries}; whole up to the head {verdict.head}")
    else:
        click.echo(f"Whole: {verdict.entries} entries, head {verdict.head}")
    if head is not None and not as_json:
        found = "is not in the trail" if check.head_at is None else f"is that of entry {check.head_at}"
        click.echo(f"The head given {found}.")
    if not check.sound:
        context.exit(ExitCode.REFUSED)


@command.command("show", epilog="Example: facepass audit show --session gala")
@click.option("--session", metavar="ID", help="Only of this session: its id is hashed and looked for.")
@click.option(
    "--last",
    type=click.IntRange(1, MAX_LAST),
    default=100,
    show_default=True,
    metavar="N",
    help="List the last N entries.",
)
@json_option
def show(session: str | None, last: int, as_json: bool) -> None:
    """List the entries of the trail, oldest first. `verify` says whether they can be trusted."""
    from facepass.entrypoints import audit  # noqa: PLC0415 help does without

    records = _run(lambda settings: audit.entries(settings, session=session, last=last))
    if as_json:
        print_json([{"no": record.no, "entry": record.text, "hash": record.hash.hex()} for record in records])
        return
    for record in records:
        click.echo(f"{record.no}  {_readable(record.text)}")
    if not records:
        click.echo("There is no such entry." if session is not None else "The trail is empty.")


def _run(work: "Callable[[Settings], Coroutine[Any, Any, T]]") -> T:
    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    return asyncio.run(work(settings))


def _facts(verdict: Any) -> dict[str, Any]:
    return {"entries": verdict.entries, "head": verdict.head, "broken_at": verdict.broken_at}


def _readable(text: str) -> str:
    """An entry as words; one that is no JSON, as somebody must have changed it, as it is."""
    try:
        facts = json.loads(text)
        first = f"{facts.pop('at')}  {facts.pop('event')}"
    except (ValueError, LookupError, AttributeError, TypeError):
        return repr(text)
    return "  ".join([first, *(f"{name} {value}" for name, value in facts.items())])
