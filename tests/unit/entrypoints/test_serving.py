"""What works beside requests is closed first when the service stops, in time, or at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.serving import Serving, beside

LONG_S = 60.0


class Work:
    """Says when it was opened and closed; closing waits until it may."""

    def __init__(self, *, slow: bool = False) -> None:
        self.opened, self.closing, self.closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.broken_off = False
        self.may_close = asyncio.Event()
        if not slow:
            self.may_close.set()

    @asynccontextmanager
    async def work(self) -> AsyncIterator[None]:
        self.opened.set()
        try:
            yield
        finally:
            self.closing.set()
            try:
                await self.may_close.wait()
            except asyncio.CancelledError:
                self.broken_off = True
                raise
            finally:
                self.closed.set()


async def test_a_stop_closes_it_while_the_block_goes_on() -> None:
    serving, first, second = Serving(), Work(), Work()
    async with beside(serving, first.work(), second.work(), grace_s=LONG_S):
        await second.opened.wait()
        assert not serving.is_stopping
        serving.stop()
        await first.closed.wait()
        assert second.closed.is_set()
    assert (first.broken_off, second.broken_off) == (False, False)


async def test_leaving_the_block_waits_for_it() -> None:
    serving, work = Serving(), Work(slow=True)

    async def block() -> None:
        async with beside(serving, work.work(), grace_s=LONG_S):
            await work.opened.wait()

    task = asyncio.create_task(block())
    await work.closing.wait()
    assert serving.is_stopping
    assert not task.done()
    work.may_close.set()
    await task
    assert not work.broken_off


@pytest.mark.parametrize("hurried", [True, False])
async def test_what_takes_too_long_is_broken_off(hurried: bool) -> None:
    serving, work = Serving(), Work(slow=True)
    async with beside(serving, work.work(), grace_s=LONG_S if hurried else 0.0):
        await work.opened.wait()
        serving.stop()
        await work.closing.wait()
        if hurried:
            serving.hurry()
    assert work.broken_off


async def test_a_failure_closes_it_and_is_told_as_it_is() -> None:
    work = Work()

    async def block() -> None:
        async with beside(Serving(), work.work(), grace_s=LONG_S):
            await work.opened.wait()
            raise ConfigurationError("as it is")

    with pytest.raises(ConfigurationError, match="as it is"):
        await block()
    assert work.closed.is_set()
