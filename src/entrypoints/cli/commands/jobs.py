"""`facepass jobs`: batches that are indexed in the background."""

import asyncio

import rich_click as click
from click.exceptions import Exit

from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option, service_options
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.runtime import Target, ask, service_at

JOB = click.argument("job_id", metavar="ID")
LEAVING = "Leaving; the job goes on."


@click.group("jobs", epilog="Example: facepass jobs list")
def command() -> None:
    """List, watch, stop and repeat jobs.

    A job is made by `facepass index s3://…`, or by POST /index/batch, and worked on by `facepass serve` or `facepass
    worker`. Its photos that were given up are listed with their reasons, and can be tried again.
    """


@command.command("list", epilog="Example: facepass jobs list --session gala")
@click.option("--session", metavar="ID", help="Only jobs of this session.")
@click.option("--before", metavar="ID", help="Go on after this job of an earlier list.")
@service_options
@json_option
def list_(*, session: str | None, before: str | None, target: Target, as_json: bool) -> None:
    """List jobs, newest first, a hundred at a time."""
    from facepass.entrypoints.cli import job_views  # noqa: PLC0415 help does without
    from facepass.entrypoints.client.service import Needs  # noqa: PLC0415 as above

    listed = ask(target, lambda service: service.jobs(session, before), Needs.STORAGE)
    show(listed, job_views.jobs(listed), json=as_json)


@command.command("show", epilog="Example: facepass jobs show 019a3c5fe1d04f6b8c2d7e9a0b1c3d5f --follow")
@JOB
@click.option("--follow", "watch", is_flag=True, help="Watch until it ends; ctrl-C leaves it, and it goes on.")
@click.option("--errors-after", type=click.IntRange(0), metavar="N", help="List the failures that follow number N.")
@service_options
@json_option
def show_(*, job_id: str, watch: bool, errors_after: int | None, target: Target, as_json: bool) -> None:
    """Say how far a job is, and which photos were given up. Ends with 1 when some were."""
    from facepass.entrypoints.cli import job_views  # noqa: PLC0415 help does without
    from facepass.entrypoints.client.service import Needs  # noqa: PLC0415 as above
    from facepass.entrypoints.http import schemas  # noqa: PLC0415 as above

    async def watched() -> tuple[schemas.Job, bool]:
        from facepass.entrypoints.cli.following import follow  # noqa: PLC0415 as above
        from facepass.entrypoints.cli.interruption import stop_on_interrupt  # noqa: PLC0415 as above

        async with service_at(target, Needs.STORAGE) as service:
            if not watch:
                return await service.job(job_id, errors_after=errors_after), False
            with stop_on_interrupt(LEAVING) as stop:
                (job,) = await follow(service, [job_id], stop)
                return job, stop.is_set()

    job, left = asyncio.run(watched())
    show(job, job_views.job(job), json=as_json)
    if left:
        raise Exit(ExitCode.INTERRUPTED)
    if job.failed:
        raise Exit(ExitCode.REFUSED)


@command.command("cancel", epilog="Example: facepass jobs cancel 019a3c5fe1d04f6b8c2d7e9a0b1c3d5f")
@JOB
@service_options
@json_option
def cancel(*, job_id: str, target: Target, as_json: bool) -> None:
    """Stop a job: what is done stays done, the rest is not done any more."""
    from facepass.entrypoints.cli import job_views  # noqa: PLC0415 help does without
    from facepass.entrypoints.client.service import Needs  # noqa: PLC0415 as above

    job = ask(target, lambda service: service.cancel_job(job_id), Needs.STORAGE)
    show(job, job_views.progress(job), json=as_json)


@command.command("retry", epilog="Example: facepass jobs retry 019a3c5fe1d04f6b8c2d7e9a0b1c3d5f")
@JOB
@service_options
@json_option
def retry(*, job_id: str, target: Target, as_json: bool) -> None:
    """Have the photos of a job that were given up tried again."""
    from facepass.entrypoints.cli import job_views  # noqa: PLC0415 help does without
    from facepass.entrypoints.client.service import Needs  # noqa: PLC0415 as above

    job = ask(target, lambda service: service.retry_job(job_id), Needs.STORAGE)
    show(job, job_views.progress(job), json=as_json)
