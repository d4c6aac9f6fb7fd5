"""Whether photos that are named by `s3_key` can be read where they are."""

from facepass.domain.errors import FacePassError
from facepass.entrypoints.cli.checks.check import Check, fail, ok
from facepass.entrypoints.settings import Settings
from facepass.entrypoints.source_photos import check_photos

NAME = "photo source"


async def check(settings: Settings) -> Check:
    """The folder is there, or the bucket was asked for an object."""
    try:
        return ok(NAME, await check_photos(settings))
    except FacePassError as error:
        return fail(NAME, error.detail, _remedy(settings))


def _remedy(settings: Settings) -> str:
    if settings.object_store.s3_bucket is None:
        return "make the folder and let this user read it, or correct PHOTO_ROOT"
    return "correct S3_*; the key needs s3:GetObject, and s3:ListBucket to tell a missing photo from a forbidden one"
