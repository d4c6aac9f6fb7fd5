"""`facepass db reembed`: sessions on their way to another model."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit

from facepass.domain.errors import ConfigurationError, DependencyUnavailable, FacePassError, NotFound
from facepass.domain.gallery import SessionId
from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import console, note, print_json
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from facepass.entrypoints.reembedding import Observer, PhotoFailure, Reembedding, SessionReport, Tally
    from facepass.entrypoints.settings import Settings

LINE_EVERY_S = 10.0
"""Between two lines where there is no terminal."""
MAX_PHOTOS_SHOWN = 20
"""Photos listed one by one for each session; the rest is counted. `--json` has all."""


class Action(StrEnum):
    """What is done to each session."""

    CHANGE = "change"
    ROLL_BACK = "rollback"
    FINISH = "finish"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for.

    Attributes:
        session: None for all.
        model: to change to; None for the other actions.
        photos: folder to read pictures from; None for the configured source.
    """

    action: Action
    session: str | None
    model: str | None
    photos: Path | None
    switch: bool
    allow_missing: bool


@click.command("reembed", epilog="Example: facepass db reembed --session gala --to auraface-v1")
@click.option("--session", metavar="ID", help="Id of the photo session.")
@click.option("--all", "all_sessions", is_flag=True, help="Every session that is concerned, one after another.")
@click.option("--to", "model", metavar="MODEL", help="Build templates of this model, and switch to it.")
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="Read the pictures from here instead of the configured place.",
)
@click.option(
    "--allow-missing",
    is_flag=True,
    help="Switch also where photos have no picture any more: the new model will not find them.",
)
@click.option("--no-switch", is_flag=True, help="Build only; the same command without this option then switches.")
@click.option("--status", is_flag=True, help="Say how far the change is.")
@click.option("--rollback", is_flag=True, help="Serve the former model again and drop the new one's templates.")
@click.option("--finish", is_flag=True, help="Drop the former model's templates: no way back.")
@json_option
def reembed(
    *,
    session: str | None,
    all_sessions: bool,
    model: str | None,
    photos: Path | None,
    allow_missing: bool,
    no_switch: bool,
    status: bool,
    rollback: bool,
    finish: bool,
    as_json: bool,
) -> None:
    """Change the model of sessions while they are being searched.

    In this order: --to MODEL builds and then switches (with --no-switch it only builds); search the session and see
    that all is well; --finish drops the former model's templates. Until then, --rollback goes back at any time.

    Building reads every photo again, by the key it was indexed by or else by its id, and makes templates of the faces
    that are stored. Searches are answered by the former model until, at one moment, the new one takes over. Photos
    indexed meanwhile get templates of both. Ctrl-C stops after the photos in flight, and the same command goes on from
    there.

    The new model must be installed wherever the service runs: see `facepass models`. New sessions get the model of
    RECOGNIZER_TYPE all the same. Ends with 1 where a session could not be changed.
    """
    actions = {Action.CHANGE: model is not None, Action.STATUS: status, Action.ROLL_BACK: rollback}
    chosen = [action for action, given in {**actions, Action.FINISH: finish}.items() if given]
    if (session is None) is not all_sessions:
        raise click.UsageError("Give either --session or --all.")
    if len(chosen) != 1:
        raise click.UsageError("Give one of --to, --status, --rollback and --finish.")
    if model is None and (photos is not None or allow_missing or no_switch):
        raise click.UsageError("--photos, --allow-missing and --no-switch go with --to.")
    job = Job(chosen[0], session, model, photos, switch=not no_switch, allow_missing=allow_missing)
    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    reports, interrupted = asyncio.run(_run(settings, job))
    if as_json:
        print_json({"sessions": reports, "interrupted": interrupted})
    else:
        click.echo("\n".join(line for report in reports for line in _lines(report)) or "No session is concerned.")
    if interrupted:
        raise Exit(ExitCode.INTERRUPTED)
    if any(report.error is not None or report.failures for report in reports):
        raise Exit(ExitCode.REFUSED)


async def _run(settings: "Settings", job: Job) -> "tuple[list[SessionReport], bool]":
    """What became of each session, and whether ctrl-C came before the last."""
    from facepass.entrypoints.cli.interruption import stop_on_interrupt  # noqa: PLC0415 help does without
    from facepass.entrypoints.reembedding import SessionReport, reembedding  # noqa: PLC0415 as above

    reports: list[SessionReport] = []
    async with reembedding(settings, model=job.model, photos=job.photos, progress=note) as changes:
        with stop_on_interrupt() as stop:
            if job.session is not None:
                report = await _one(changes, job, SessionId.parse(job.session, "--session"), stop.is_set)
                return [report], report.interrupted
            for session_id in await changes.sessions():
                if stop.is_set():
                    return reports, True
                try:
                    if _is_concerned(await changes.status(session_id), job):
                        reports.append(await _one(changes, job, session_id, stop.is_set))
                except NotFound:  # erased just now
                    continue
                except (ConfigurationError, DependencyUnavailable):
                    raise
                except FacePassError as error:  # one session does not keep the others from their change
                    reports.append(SessionReport.failed(session_id, error))
    return reports, any(report.interrupted for report in reports)


def _is_concerned(report: "SessionReport", job: Job) -> bool:
    """Whether there is anything to do with a session among all."""
    match job.action:
        case Action.STATUS:
            return True
        case Action.CHANGE:
            return report.model != job.model or report.change == "building"
        case Action.ROLL_BACK:
            return report.change is not None
        case Action.FINISH:
            return report.change == "switched"


async def _one(changes: "Reembedding", job: Job, session_id: SessionId, stop: Callable[[], bool]) -> "SessionReport":
    match job.action:
        case Action.STATUS:
            return await changes.status(session_id)
        case Action.ROLL_BACK:
            return await changes.roll_back(session_id)
        case Action.FINISH:
            return await changes.finish(session_id)
        case Action.CHANGE:
            with _progress(session_id) as observer:
                return await changes.change(
                    session_id, switch=job.switch, allow_missing=job.allow_missing, stop=stop, observer=observer
                )


@contextmanager
def _progress(session_id: str) -> "Iterator[Observer]":
    """An observer of the photos of one session."""
    stderr = console(stderr=True)
    if not stderr.is_terminal:
        yield _Lines()
        return
    from rich.markup import escape  # noqa: PLC0415 help does without
    from rich.progress import (  # noqa: PLC0415 as above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn(f"Re-embedding {escape(session_id)}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rates]}"),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr) as progress:
        yield _Bar(progress, progress.add_task("reembed", total=None, rates=""))


class _Rates:
    """Photos a second since the run began, and how many failed."""

    def __init__(self) -> None:
        self._started_s = time.monotonic()

    def __call__(self, tally: "Tally") -> str:
        elapsed_s = max(time.monotonic() - self._started_s, 1e-6)
        failed = f", {len(tally.failures)} failed" if tally.failures else ""
        return f"{tally.rebuilt / elapsed_s:.1f} photos/s{failed}"


class _Bar:
    """A bar that moves."""

    def __init__(self, progress: "Progress", task: "TaskID") -> None:
        self._progress = progress
        self._task = task
        self._rates = _Rates()

    def advanced(self, tally: "Tally") -> None:
        """See `RebuildObserver.advanced`."""
        self._progress.update(self._task, completed=tally.finished, total=tally.photos, rates=self._rates(tally))


class _Lines:
    """A line every `LINE_EVERY_S` seconds, for logs."""

    def __init__(self) -> None:
        self._rates = _Rates()
        self._last_s = time.monotonic()

    def advanced(self, tally: "Tally") -> None:
        """See `RebuildObserver.advanced`."""
        now_s = time.monotonic()
        if now_s - self._last_s >= LINE_EVERY_S:
            self._last_s = now_s
            note(f"{tally.finished} of {tally.photos} photos, {self._rates(tally)}")


def _lines(report: "SessionReport") -> Iterator[str]:
    """How a session stands, and what to do next."""
    if report.error is not None:
        yield f"{report.session_id}: {report.error.detail}"
        return
    yield f"{report.session_id}: {report.photos} photos with {report.faces} faces, served by {report.model}."
    if report.rebuilt:
        lost = f"; {report.faces_lost} faces were not found in their photos again" if report.faces_lost else ""
        yield f"  {report.rebuilt} photos rebuilt with {report.faces_rebuilt} faces{lost}."
    yield from _photos("without a picture, not to be found by the new model", report.left_out)
    yield from _photos("in the way of the switch", report.failures)
    if report.interrupted:
        yield f"  Stopped with {report.pending} photos to go; the same command goes on from there."
    elif report.change == "building" and report.pending:
        yield f"  {report.other} lacks {report.pending} photos: run --to {report.other} again, or --rollback."
    elif report.change == "building":
        yield f"  {report.other} is built: switch with --to {report.other}, or --rollback."
    elif report.change == "switched":
        yield f"  The templates of {report.other} are kept: check some searches, then --finish, or --rollback."


def _photos(what: str, photos: "Sequence[PhotoFailure]") -> Iterator[str]:
    if photos:
        yield f"  {len(photos)} photos are {what}:"
    for photo in photos[:MAX_PHOTOS_SHOWN]:
        yield f"    {photo.photo_id}: {photo.detail}"
    if len(photos) > MAX_PHOTOS_SHOWN:
        yield f"    and {len(photos) - MAX_PHOTOS_SHOWN} more; --json has all"


COMMANDS = (reembed,)
