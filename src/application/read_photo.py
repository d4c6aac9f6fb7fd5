"""Photos read by their key, within the memory that all pictures share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from facepass.application.byte_budget import ByteBudget
from facepass.domain.ports import ImageSource


class ReadPhoto:
    """Reads one photo. How large it is shows only when it has been read, so room is made for the largest first.

    Args:
        source: holds the photos.
        budget: the memory for pictures.
        max_bytes: of a photo.
    """

    def __init__(self, *, source: ImageSource, budget: ByteBudget, max_bytes: int) -> None:
        self._source = source
        self._budget = budget
        self._max_bytes = max_bytes

    @asynccontextmanager
    async def open(self, key: str) -> AsyncIterator[bytes]:
        """The photo's bytes, accounted for until the block is left.

        Raises:
            InvalidRequest, NotFound, PayloadTooLarge, DependencyUnavailable: see `ImageSource.read`.
            Overloaded: there was no room for it in time.
        """
        with self._budget.lease() as lease:
            await lease.wait_for(self._max_bytes)
            data = await self._source.read(key)
            lease.give_back(lease.held_bytes - min(len(data), lease.held_bytes))
            yield data
