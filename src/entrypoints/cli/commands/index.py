"""`facepass index`."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec
import rich_click as click
from click.exceptions import Exit

from facepass.domain.gallery import SessionId
from facepass.entrypoints.cli import bucket_jobs, job_views, views
from facepass.entrypoints.cli.bucket_jobs import BucketJob
from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.folder import PhotoFile, photos_in
from facepass.entrypoints.cli.indexing import FolderIndexer, IndexReport
from facepass.entrypoints.cli.interruption import stop_on_interrupt
from facepass.entrypoints.cli.journal import Journal, journal_path
from facepass.entrypoints.cli.options import json_option, service_options, session_option
from facepass.entrypoints.cli.output import show
from facepass.entrypoints.cli.progress import progress_of
from facepass.entrypoints.cli.runtime import Target, load_settings, service_at
from facepass.entrypoints.client.service import Needs
from facepass.entrypoints.photo_names import IdFrom

MAX_CONCURRENCY = 64
S3 = "s3://"
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Job:
    """What was asked for."""

    folder: Path
    session: str
    id_from: IdFrom
    resume: bool
    concurrency: int


@click.command("index", epilog="Example: facepass index ~/photos/gala --session gala --failures failed.jsonl")
@click.argument("place", metavar="TARGET")
@session_option
@click.option(
    "--id-from",
    type=click.Choice(list(IdFrom), case_sensitive=False),
    default=IdFrom.PATH,
    show_default=True,
    help="Photo ids: the path below TARGET, the file name, or the name without suffix.",
)
@click.option(
    "--resume/--no-resume",
    default=True,
    show_default=True,
    help="Pass over unchanged files that are still stored, or index everything again.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAX_CONCURRENCY),
    default=lambda: min(MAX_CONCURRENCY, (os.cpu_count() or 1) + 1),
    show_default="one more than there are processors",
    help="Photos in flight at once.",
)
@click.option(
    "--failures",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write every failed photo with its reason, one JSON object a line.",
)
@click.option("--async", "in_background", is_flag=True, help="With s3://: make the job, and do not wait for it.")
@service_options
@json_option
def command(
    *,
    place: str,
    session: str,
    id_from: IdFrom,
    resume: bool,
    concurrency: int,
    failures: Path | None,
    in_background: bool,
    target: Target,
    as_json: bool,
) -> None:
    """Index the photos below TARGET into a session: every good enough face can be found from then on.

    TARGET is a folder, or s3://BUCKET/PREFIX in the configured bucket. Takes jpg, jpeg, png, webp and bmp files; passes
    over hidden ones and links that lead out of the folder. Indexing again replaces, never doubles. Ends with 1 when
    photos failed.

    What lies in a bucket becomes a job: facepass index s3://photos/gala/ --session gala --async

    A folder is sent photo by photo; ctrl-C stops after those in flight, and the same command then does the rest. A job
    goes on when ctrl-C leaves it, and `facepass jobs show ID --follow` picks it up again. Without --url the work on it
    is done in this process as long as it watches.
    """
    session_id = SessionId.parse(session, "--session")
    if place.startswith(S3):
        if failures is not None:
            raise click.UsageError("--failures is for folders: `facepass jobs show ID` lists those of a job.")
        _index_bucket(BucketJob(place, session_id, IdFrom(id_from), watch=not in_background), target, as_json=as_json)
        return
    if in_background:
        raise click.UsageError("--async needs an s3:// address: this machine's folders are not the service's.")
    folder: Path = FOLDER.convert(place, None, None)
    job = Job(folder, session_id, IdFrom(id_from), resume, concurrency)
    photos = photos_in(folder, job.id_from)
    if not photos:
        raise click.UsageError(f"{folder} holds no jpg, jpeg, png, webp or bmp file.")
    report = asyncio.run(_index(job, photos, target))
    if failures is not None:
        failures.write_bytes(b"".join(msgspec.json.encode(failed) + b"\n" for failed in report.failures))
    show(report, views.indexed(report, str(failures) if failures else None), json=as_json)
    if report.interrupted:
        raise Exit(ExitCode.INTERRUPTED)
    if report.failed:
        raise Exit(ExitCode.REFUSED)


def _index_bucket(job: BucketJob, target: Target, *, as_json: bool) -> None:
    jobs, left = asyncio.run(bucket_jobs.run(job, target))
    show(jobs, job_views.made(jobs), json=as_json)
    if left:
        raise Exit(ExitCode.INTERRUPTED)
    if any(one.failed for one in jobs):
        raise Exit(ExitCode.REFUSED)


async def _index(job: Job, photos: list[PhotoFile], target: Target) -> IndexReport:
    settings = load_settings()
    async with service_at(target, Needs.ALL) as service:
        path = journal_path(settings.application.data_dir, service=service.name, session_id=job.session)
        with Journal(path) as journal, progress_of(len(photos)) as progress, stop_on_interrupt() as stop:
            if not job.resume:
                journal.forget()
            indexer = FolderIndexer(
                service=service,
                session_id=job.session,
                journal=journal,
                concurrency=job.concurrency,
                max_photo_bytes=settings.photos.max_source_bytes,
                observer=progress,
            )
            return await indexer.run(photos, stop)
