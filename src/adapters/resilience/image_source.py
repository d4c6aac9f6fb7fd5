"""Photos by key, refused at once while their store is away. Policy: closed, for no photo can be made up."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from facepass.adapters.resilience.breaker import CircuitBreaker
from facepass.domain.ports import ImageSource


class GuardedImageSource(ImageSource):
    """Asks the inner one while the breaker lets it.

    Args:
        inner: reads.
        breaker: of its store.
    """

    def __init__(self, inner: ImageSource, breaker: CircuitBreaker) -> None:
        self._inner = inner
        self._breaker = breaker

    async def read(self, key: str) -> bytes:
        """See `ImageSource.read`; of a key that can name nothing nobody hears more while the store is away."""
        async with self._breaker.guarding():
            return await self._inner.read(key)

    async def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """See `ImageSource.keys`."""
        async with self._breaker.guarding(), aclosing(self._inner.keys(prefix)) as keys:
            async for key in keys:
                yield key
