"""Jobs as a person reads them."""

from datetime import UTC, datetime

import msgspec
import pytest
from rich.console import Console

from facepass.entrypoints.cli import job_views
from facepass.entrypoints.http import schemas

AT = datetime(2026, 5, 16, 21, 4, 9, tzinfo=UTC)
JOB = schemas.Job(
    job_id="0" * 31 + "1",
    kind="index",
    session_id="[bold]gala",
    state="running",
    total=12,
    done=5,
    failed=2,
    cancelled=0,
    without_faces=1,
    faces_indexed=9,
    created_at=AT,
    started_at=AT,
    finished_at=None,
    errors=[schemas.PhotoFailure("a.jpg", "not_found", "No photo is stored under 'a.jpg'.")],
    more_errors_after=7,
)


@pytest.fixture
def shown():
    def show(view):
        console = Console(width=140, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123 - nowhere
        console.print(view)
        console.file.close()
        return console.export_text()

    return show


def test_a_job_says_how_far_it_is_and_what_to_do_next(shown):
    text = shown(job_views.job(JOB))
    assert "running, 7 of 12 photos" in text
    assert "[bold]gala" in text
    assert "No photo is stored under 'a.jpg'." in text
    assert f"facepass jobs show {JOB.job_id} --errors-after 7" in text
    assert f"facepass jobs retry {JOB.job_id}" in text


def test_a_job_without_failures_gives_no_advice(shown):
    whole = msgspec.structs.replace(JOB, failed=0, errors=[], finished_at=AT, state="finished", cancelled=3)
    text = shown(job_views.made([whole]))
    assert "retry" not in text
    assert "cancelled" in text
    assert "2026-05-16 21:04:09 UTC" in text


def test_a_list_says_how_to_go_on(shown):
    assert "No jobs." in shown(job_views.jobs(schemas.Jobs([], None)))
    progress = schemas.JobProgress(**{name: getattr(JOB, name) for name in schemas.JobProgress.__struct_fields__})
    text = shown(job_views.jobs(schemas.Jobs([progress], JOB.job_id)))
    assert "running" in text
    assert f"--before {JOB.job_id}" in text
