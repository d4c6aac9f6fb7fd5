"""Files below a prefix of a bucket: written in parts, so that none has to fit into memory, and whole or not at all."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from facepass.adapters.s3.connection import vendor_errors
from facepass.domain.errors import ConfigurationError, FacePassError

CHUNK_BYTES = 1 << 20
PART_BYTES = 32 << 20
"""Of every part but the last; one is in memory at a time."""

MAX_PARTS = 10_000
"""Amazon's limit, which makes a file at most 312 GiB."""


class S3FileStore:
    """A prefix of a bucket as a folder of files.

    Args:
        client: an open client.
        bucket: which must exist.
        prefix: without slashes at its ends; empty for the whole bucket.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, *, part_bytes: int = PART_BYTES) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._part_bytes = part_bytes

    async def names(self) -> tuple[str, ...]:
        """Of all files that lie directly below the prefix, sorted.

        Raises:
            ConfigurationError, DependencyUnavailable: as `vendor_errors`, and so for every method.
        """
        found: list[str] = []
        pages = self._client.get_paginator("list_objects_v2")
        with vendor_errors("list of files"):
            async for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix, Delimiter="/"):
                found += [entry["Key"].removeprefix(self._prefix) for entry in page.get("Contents", ())]
        return tuple(sorted(name for name in found if name))

    async def put(self, name: str, chunks: AsyncIterator[bytes]) -> None:
        """Write a file, over the one of that name; when the chunks fail, nothing has changed."""
        parts = self._in_parts(chunks)
        first = await anext(parts, b"")
        if len(first) < self._part_bytes:
            with vendor_errors(name):
                await self._client.put_object(**self._at(name), Body=first)
            return
        with vendor_errors(name):
            upload = (await self._client.create_multipart_upload(**self._at(name)))["UploadId"]
        try:
            done = [await self._put_part(name, upload, 1, first)]
            async for part in parts:
                done.append(await self._put_part(name, upload, len(done) + 1, part))
            with vendor_errors(name):
                await self._client.complete_multipart_upload(
                    **self._at(name), UploadId=upload, MultipartUpload={"Parts": done}
                )
        except BaseException:
            with suppress(FacePassError), vendor_errors(name):  # what failed before is the reason; see clear_unfinished
                await self._client.abort_multipart_upload(**self._at(name), UploadId=upload)
            raise

    async def chunks(self, name: str) -> AsyncIterator[bytes]:
        """The bytes of a file, at most `CHUNK_BYTES` at once.

        Raises:
            NotFound: there is none of that name.
        """
        with vendor_errors(name):
            body = (await self._client.get_object(**self._at(name)))["Body"]
        async with body:
            while True:
                with vendor_errors(name):
                    chunk: bytes = await body.read(CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk

    async def delete(self, name: str) -> None:
        """Remove a file; harmless where there is none."""
        with vendor_errors(name):
            await self._client.delete_object(**self._at(name))

    async def clear_unfinished(self) -> None:
        """Abort the uploads below the prefix that writers which were killed have left behind."""
        with vendor_errors("list of unfinished uploads"):
            answer = await self._client.list_multipart_uploads(Bucket=self._bucket, Prefix=self._prefix)
            for upload in answer.get("Uploads", ()):
                if "/" not in upload["Key"].removeprefix(self._prefix):
                    await self._client.abort_multipart_upload(
                        Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                    )

    def _at(self, name: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}{name}"}

    async def _put_part(self, name: str, upload: str, number: int, part: bytes) -> dict[str, Any]:
        if number > MAX_PARTS:
            raise ConfigurationError(f"{name} would have more than {MAX_PARTS} parts of {self._part_bytes} bytes")
        with vendor_errors(name):
            answer = await self._client.upload_part(**self._at(name), UploadId=upload, PartNumber=number, Body=part)
        return {"ETag": answer["ETag"], "PartNumber": number}

    async def _in_parts(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The same bytes in pieces of `part_bytes`, the last one shorter."""
        gathered = bytearray()
        async for chunk in chunks:
            gathered += chunk
            while len(gathered) >= self._part_bytes:
                yield bytes(gathered[: self._part_bytes])
                del gathered[: self._part_bytes]
        if gathered:
            yield bytes(gathered)
