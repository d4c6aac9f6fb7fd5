"""`facepass db import-v1` and `rollback-v1`: from a database of the first generation, and back."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import console, note, print_json
from facepass.entrypoints.cli.runtime import IMPORT_VARIABLE, load_settings, log_to_stderr

if TYPE_CHECKING:
    from facepass.entrypoints.importing import Progress
    from facepass.entrypoints.settings import Settings

LINE_EVERY_S = 10.0
"""Between two lines of progress where there is no terminal."""

LEAST_WAIT_TOLD_S = 1.0
"""Shorter ones are over before they are read."""

dsn_option = click.option(
    "--dsn",
    envvar=IMPORT_VARIABLE,
    show_envvar=True,
    required=True,
    metavar="DSN",
    help="The old database, postgresql://… Others on this machine can see command lines: better the variable.",
)


@click.command("import-v1", epilog="Example: facepass db import-v1 --model arcface-w600k-r50 --dry-run")
@dsn_option
@click.option("--model", required=True, metavar="NAME", help="Recogniser that made the old vectors: facepass models.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("import-v1-rejects.jsonl"),
    show_default=True,
    help="List the rows that are not moved here; the same file for every run of one import.",
)
@click.option("--session-from-event", is_flag=True, help="Rows without a session take event_id for it.")
@click.option("--dry-run", is_flag=True, help="Judge every row and change nothing.")
@json_option
@click.pass_context
def import_v1(
    context: click.Context,
    *,
    dsn: str,
    model: str,
    rejects: Path,
    session_from_event: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import the faces of a database of the first generation: its table face_embeddings.

    The old table stays as it is; the import works on a copy beside it. It may be killed at any time: the same command
    goes on. Photos that FacePass has indexed itself are kept as they are. Nothing in the old table says which model
    made its vectors, so name it: with a wrong one nobody is found. The model is needed for searching, not for
    importing. Ends with 1 where sessions are bound to another model and were left out.
    """
    from facepass.entrypoints import importing  # noqa: PLC0415 help does without

    settings = _settings()
    if not dry_run and settings.retention.session_ttl_days is not None:
        note("SESSION_TTL_DAYS counts from when a photo was indexed first: old sessions expire soon.")
    request = importing.ImportRequest(dsn, model, rejects, session_from_event, dry_run)
    with _progress("rows") as progress:
        report = asyncio.run(importing.import_v1(settings, request, progress))
    _tell(report.to_facts(), report.to_text(), as_json=as_json)
    if report.rejected[importing.Reason.OTHER_MODEL]:
        note("Some sessions are bound to another model: erase them or change their model, roll back, import again.")
        context.exit(ExitCode.REFUSED)


@click.command("rollback-v1", epilog="Example: facepass db rollback-v1 --yes")
@dsn_option
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
def rollback_v1(dsn: str, yes: bool, as_json: bool) -> None:
    """Remove everything that was imported from the old database. Its table and the copies stay.

    Photos that FacePass has indexed anew since stay, too. May be killed at any time: the same command goes on.
    """
    if not yes:
        click.confirm("Remove everything that was imported from this database?", abort=True, err=True)
    from facepass.entrypoints import importing  # noqa: PLC0415 help does without

    settings = _settings()
    with _progress("rows looked at") as progress:
        done = asyncio.run(importing.rollback_v1(settings, dsn, progress))
    text = f"{done.faces_removed} of {done.faces_moved} imported faces removed. Copies kept: {', '.join(done.backups)}"
    _tell(
        {"backups": done.backups, "faces_moved": done.faces_moved, "faces_removed": done.faces_removed},
        text,
        as_json=as_json,
    )


def _settings() -> "Settings":
    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    _say_when_waiting()
    return settings


def _say_when_waiting() -> None:
    """A person should know why nothing seems to happen."""
    from stamina.instrumentation import RetryDetails, set_on_retry_hooks  # noqa: PLC0415 as above

    def say(details: RetryDetails) -> None:
        if details.wait_for >= LEAST_WAIT_TOLD_S:
            note(f"{details.caused_by}; waiting {details.wait_for:.0f} s.")

    set_on_retry_hooks([say])


@contextmanager
def _progress(what: str) -> Iterator["Progress"]:
    """Told how many are done, and of how many: a bar on a terminal, a line now and then elsewhere."""
    stderr = console(stderr=True)
    if not stderr.is_terminal:
        yield _Lines(what)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn  # noqa: PLC0415 as above

    with Progress(BarColumn(), MofNCompleteColumn(), what, TimeRemainingColumn(), console=stderr) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class _Lines:
    def __init__(self, what: str) -> None:
        self._what = what
        self._last_s = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= LINE_EVERY_S:
            self._last_s = now_s
            note(f"{done:,} of {total:,} {self._what}")


def _tell(facts: object, text: str, *, as_json: bool) -> None:
    if as_json:
        print_json(facts)
    else:
        click.echo(text)


COMMANDS = (import_v1, rollback_v1)
