"""What is told of admission: who waits, who is at work, who was sent away."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from facepass.adapters.system.admission import BoundedAdmission
from facepass.adapters.telemetry.admission import MeteredAdmission
from facepass.adapters.telemetry.batches import BatchSizes
from facepass.application.ports import WorkKind
from facepass.domain.errors import Overloaded
from tests.clocks import HandClock
from tests.tasks import under_way


class Metered:
    """One place, one that may wait, and the numbers."""

    def __init__(self) -> None:
        self.clock, self.registry = HandClock(), CollectorRegistry()
        inner = BoundedAdmission(max_running=1, max_waiting=1, clock=self.clock)
        self.admission = MeteredAdmission(inner, clock=self.clock, registry=self.registry)

    def number(self, name: str, kind: str = "search") -> float | None:
        return self.registry.get_sample_value(name, {"kind": kind})

    def numbers(self, kind: str = "search") -> tuple[float | None, ...]:
        names = ("admission_waiting", "admission_running", "admission_refused_total", "admission_wait_seconds_count")
        return tuple(self.number(name, kind) for name in names)

    async def work(self, until: asyncio.Event) -> None:
        async with self.admission.admit(WorkKind.SEARCH):
            await until.wait()


async def test_everybody_is_counted_where_they_are() -> None:
    metered, end = Metered(), asyncio.Event()
    assert metered.numbers() == (0, 0, 0, 0)
    tasks = [await under_way(metered.work(end)) for _ in range(2)]
    assert metered.numbers() == (1, 1, 0, 1)
    with pytest.raises(Overloaded):
        metered.admission.check(WorkKind.SEARCH)
    with pytest.raises(Overloaded):
        await metered.work(end)
    assert metered.numbers() == (1, 1, 2, 1)
    metered.clock.pass_s(0.3)
    end.set()
    await asyncio.gather(*tasks)
    assert metered.numbers() == (0, 0, 2, 2)
    assert metered.number("admission_wait_seconds_sum") == pytest.approx(0.3)
    assert metered.numbers("job") == (0, 0, 0, 0), "kinds are there before they are used"


async def test_who_leaves_or_fails_is_counted_nowhere_any_more() -> None:
    metered, end = Metered(), asyncio.Event()
    running, waiting = [await under_way(metered.work(end)) for _ in range(2)]
    waiting.cancel()
    running.cancel()
    await asyncio.gather(running, waiting, return_exceptions=True)
    assert metered.numbers() == (0, 0, 0, 1)
    with pytest.raises(ZeroDivisionError):
        async with metered.admission.admit(WorkKind.SEARCH):
            raise ZeroDivisionError
    assert metered.numbers() == (0, 0, 0, 2)


def test_batches_are_counted_by_size() -> None:
    registry = CollectorRegistry()
    sizes = BatchSizes(registry)
    for size in (1, 3, 16):
        sizes.observe(size)
    assert registry.get_sample_value("inference_batch_size_bucket", {"le": "4.0"}) == 2
    assert registry.get_sample_value("inference_batch_size_sum") == 20
