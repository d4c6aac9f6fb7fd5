"""Names of a bucket's objects, a page at a time.

By the vendor's client, unlike reading (see `object_reader`): its paginator knows what every store's list looks like.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.domain.errors import ConfigurationError, DependencyUnavailable, NotFound

DEPENDENCY = "photos"
NO_STORE = "what answers at S3_ENDPOINT is no object store"
PAGE_NAMES = 1000
"""S3's limit."""
PAGE_TIMEOUT_S = 60.0
"""With all attempts at a page."""


class ObjectList:
    """What one bucket holds. Details of its errors are for operators.

    Args:
        address: of the store.
        bucket: which must exist.
        page_names: of each page; they are in memory at once.
        page_timeout_s: until a page is there.
    """

    def __init__(
        self,
        address: ObjectStoreAddress,
        bucket: str,
        *,
        page_names: int = PAGE_NAMES,
        page_timeout_s: float = PAGE_TIMEOUT_S,
    ) -> None:
        self._address = address
        self._bucket = bucket
        self._page_names = page_names
        self._page_timeout_s = page_timeout_s

    async def names(self, prefix: str) -> AsyncGenerator[str, None]:
        """Of all objects that begin with `prefix`, in the order of their UTF-8 bytes.

        Raises:
            ConfigurationError: the store refuses us, or does not keep to that order; what an operator can do about it.
            DependencyUnavailable: it is out of reach, overloaded, silent or slow.
        """
        last = ""
        async with aclosing(self._pages(prefix)) as pages:
            async for page in pages:
                for name in page:
                    if name <= last:
                        raise ConfigurationError("the object store does not list names in order: it cannot be used")
                    last = name
                    yield name

    async def _pages(self, prefix: str) -> AsyncGenerator[list[str], None]:
        from facepass.adapters.s3.connection import opened, vendor_errors  # noqa: PLC0415 heavy, and only for this

        async with opened(self._address) as client:
            pages = (
                client.get_paginator("list_objects_v2")
                .paginate(Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": self._page_names})
                .__aiter__()
            )
            while True:
                limit = asyncio.timeout(self._page_timeout_s)
                try:
                    with vendor_errors("list of objects"):
                        async with limit:
                            page = await anext(pages, None)
                except DependencyUnavailable as error:
                    if limit.expired():
                        detail = f"a page of the list took longer than {self._page_timeout_s:g} s"
                        raise DependencyUnavailable(DEPENDENCY, detail) from error
                    raise
                except NotFound as error:  # a bucket that is not there has a code of its own
                    raise ConfigurationError(NO_STORE) from error
                if page is None:
                    return
                if "IsTruncated" not in page:  # the client takes whatever it is given for an empty list
                    raise ConfigurationError(NO_STORE)
                yield [entry["Key"] for entry in page.get("Contents", ())]
