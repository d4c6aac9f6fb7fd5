"""Whether the service still wants requests: told once by a signal, asked by whatever has to behave otherwise then.

Readiness says no, so that balancers send requests elsewhere; every answer asks its caller to close the connection; and
what works beside requests, such as a worker of jobs, ends what it is at.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import structlog

from facepass.domain.errors import FacePassError

_log = structlog.stdlib.get_logger("facepass.serve")


class Serving:
    """One service, from its start to its end. Belongs to one event loop as soon as somebody waits."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Want no more requests; those that come anyway are answered until the server is closed."""
        self._stopping.set()

    def hurry(self) -> None:
        """Stop, and wait for nothing."""
        self._stopping.set()
        self._hurried.set()

    async def until_stopping(self) -> None:
        """Return once it was told to stop."""
        await self._stopping.wait()

    async def until_hurried(self) -> None:
        """Return once nothing is to be waited for any more."""
        await self._hurried.wait()


@asynccontextmanager
async def beside(serving: Serving, *works: AbstractAsyncContextManager[object], grace_s: float) -> AsyncIterator[None]:
    """Hold open what works beside requests: closed as soon as the service is told to stop, or with the block.

    So a worker hands back its work while requests are still answered. Leaving the block waits for it.

    Args:
        serving: says when to stop; leaving the block stops it too.
        works: opened in this order, closed in reverse, all in one task of their own.
        grace_s: longest closing of all of them, after which they are broken off.

    Raises:
        FacePassError: what one of them, or the block, raised; the others are closed.
    """

    async def hold() -> None:
        try:
            async with asyncio.timeout(None) as bound, AsyncExitStack() as stack:
                for work in works:
                    await stack.enter_async_context(work)
                await serving.until_stopping()
                bound.reschedule(asyncio.get_running_loop().time() + grace_s)
        except TimeoutError:
            _log.warning("broken_off", what="work beside requests", after_s=grace_s)

    try:
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(hold())
            hurrying = group.create_task(serving.until_hurried())
            hurrying.add_done_callback(lambda _: holding.cancel())
            holding.add_done_callback(lambda _: hurrying.cancel())
            try:
                yield
            finally:
                serving.stop()
    except* FacePassError as failures:
        raise failures.exceptions[0] from None
