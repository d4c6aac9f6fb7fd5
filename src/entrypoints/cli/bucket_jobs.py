"""Indexes the photos below an `s3://` address: as jobs, which go on when nobody watches any more."""

from collections.abc import Sequence
from dataclasses import dataclass

import rich_click as click

from facepass.domain.job import MAX_PHOTOS
from facepass.entrypoints.cli.following import follow
from facepass.entrypoints.cli.interruption import stop_on_interrupt
from facepass.entrypoints.cli.output import note
from facepass.entrypoints.cli.runtime import Target, load_settings, service_at
from facepass.entrypoints.client.service import JobService, Needs
from facepass.entrypoints.http import schemas
from facepass.entrypoints.photo_names import IdFrom

LEAVING = "Leaving. The jobs stay: `facepass jobs show ID --follow` picks them up."


@dataclass(frozen=True, slots=True)
class BucketJob:
    """What was asked for.

    Attributes:
        address: `s3://bucket/prefix`.
        id_from: what photos are called.
        watch: stay until the end; without a service at `target`, the work is done in this process meanwhile.
    """

    address: str
    session: str
    id_from: IdFrom
    watch: bool


async def run(job: BucketJob, target: Target) -> tuple[tuple[schemas.Job, ...], bool]:
    """The jobs as they are in the end, and whether they were left before it.

    Raises:
        FacePassError: nothing could be listed, or the jobs could not be made or watched.
    """
    from facepass.entrypoints.bulk import photos_below  # noqa: PLC0415 loads an object store's client

    note(f"Listing {job.address}")
    photos = await photos_below(load_settings(), job.address, id_from=job.id_from)
    if not photos:
        raise click.UsageError(f"{job.address} holds no jpg, jpeg, png, webp or bmp file.")
    async with service_at(target, Needs.ALL if job.watch else Needs.STORAGE) as service:
        job_ids = await _submit(service, job.session, photos)
        if not job.watch:
            return tuple([await service.job(job_id) for job_id in job_ids]), False
        with stop_on_interrupt(LEAVING) as stop:
            async with service.working():
                return await follow(service, job_ids, stop), stop.is_set()


async def _submit(service: JobService, session: str, photos: Sequence[tuple[str, str]]) -> list[str]:
    job_ids = []
    for first in range(0, len(photos), MAX_PHOTOS):
        accepted = await service.submit(session, photos[first : first + MAX_PHOTOS])
        note(f"Job {accepted.job_id}: {len(photos[first : first + MAX_PHOTOS])} photos")
        job_ids.append(accepted.job_id)
    return job_ids
