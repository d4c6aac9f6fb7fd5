"""What the tests of photos in a bucket share: a source that is closed in the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.adapters.s3.bucket import Bucket
from facepass.adapters.s3.image_source import S3ImageSource
from facepass.adapters.s3.object_list import PAGE_NAMES, ObjectList
from facepass.adapters.s3.object_reader import ObjectReader, ReadLimits

MAX_BYTES = 1000


@asynccontextmanager
async def reading(
    address: ObjectStoreAddress,
    bucket: str,
    prefix: str = "",
    *,
    max_bytes: int = MAX_BYTES,
    limits: ReadLimits | None = None,
    page_names: int = PAGE_NAMES,
) -> AsyncIterator[S3ImageSource]:
    reader = ObjectReader(Bucket(address, bucket), limits=limits)
    source = S3ImageSource(reader, ObjectList(address, bucket, page_names=page_names), prefix, max_bytes=max_bytes)
    try:
        yield source
    finally:
        await source.close()
