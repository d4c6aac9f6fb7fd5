"""Jobs as a person reads them."""

from collections.abc import Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facepass.entrypoints.http import schemas


def jobs(page: schemas.Jobs) -> RenderableType:
    """A page of the list."""
    if not page.jobs:
        return Text("No jobs.")
    table = Table(box=None, pad_edge=False)
    for name in ("job", "session", "state", "photos", "done", "failed", "asked for"):
        table.add_column(name, justify="right" if name in {"photos", "done", "failed"} else "left")
    for one in page.jobs:
        numbers = (str(one.total), str(one.done), str(one.failed))
        table.add_row(one.job_id, Text(one.session_id), one.state, *numbers, _moment(one.created_at))
    if page.next_cursor is None:
        return table
    return Group(table, Text(f"More: facepass jobs list --before {page.next_cursor}"))


def progress(job: schemas.JobProgress) -> RenderableType:
    """One job in numbers."""
    table = Table.grid(padding=(0, 2))
    rows = (
        ("job", job.job_id),
        ("session", job.session_id),
        ("state", f"{job.state}, {job.done + job.failed + job.cancelled} of {job.total} photos"),
        ("done", f"{job.done}, {job.without_faces} of them without faces"),
        ("faces", f"{job.faces_indexed} can be searched"),
        ("failed", str(job.failed)),
        *([("cancelled", str(job.cancelled))] if job.cancelled else []),
        ("asked for", _moment(job.created_at)),
        ("ended", _moment(job.finished_at)),
    )
    for name, value in rows:
        table.add_row(name, Text(value))
    return table


def job(one: schemas.Job) -> RenderableType:
    """One job with its failures."""
    if not one.errors:
        return progress(one)
    table = Table(box=None, pad_edge=False)
    for name in ("photo", "code", "why"):
        table.add_column(name, overflow="fold")
    for failed in one.errors:
        table.add_row(Text(failed.photo_id), failed.code, Text(failed.detail))
    lines: list[RenderableType] = [progress(one), table]
    if one.more_errors_after is not None:
        lines.append(Text(f"More: facepass jobs show {one.job_id} --errors-after {one.more_errors_after}"))
    lines.append(Text(f"Try these again: facepass jobs retry {one.job_id}"))
    return Group(*lines)


def made(found: Sequence[schemas.Job]) -> RenderableType:
    """Jobs after `facepass index`."""
    return Group(*(job(one) for one in found))


def _moment(at: datetime | None) -> str:
    return "-" if at is None else at.strftime("%Y-%m-%d %H:%M:%S UTC")
