import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.system import admission as bounds
from facepass.adapters.system.admission import BoundedAdmission
from facepass.adapters.system.waiting_lines import OTHERS_SHARE
from facepass.application.ports import WorkKind
from facepass.domain.errors import Overloaded
from tests.clocks import HandClock
from tests.tasks import under_way

PATIENCE_S = 10
LIMITED = [kind for kind in WorkKind if bounds.MOST_S[kind] is not None]


class Settled(BoundedAdmission):
    """Has learned all it will."""

    def _learn(self, kind: WorkKind, took_s: float) -> None:
        """Nothing."""


class Service:
    """Places, and work that ends when it is told to."""

    def __init__(self, *, places: int = 1, max_waiting: int = 1000, learns: bool = True) -> None:
        self.clock = HandClock()
        make = BoundedAdmission if learns else Settled
        self.admission = make(max_running=places, max_waiting=max_waiting, clock=self.clock)
        self.order: list[WorkKind] = []
        self.running: list[asyncio.Event] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def come(self, kind: WorkKind, *, begun: bool = False) -> "asyncio.Task[None]":
        task = await under_way(self._work(kind, begun=begun))
        self.tasks.append(task)
        return task

    async def _work(self, kind: WorkKind, *, begun: bool) -> None:
        async with self.admission.admit(kind, begun=begun):
            self.order.append(kind)
            end = asyncio.Event()
            self.running.append(end)
            await end.wait()

    async def end_one(self, after_s: float = 0.0) -> None:
        """The oldest work ends, and whoever is next begins."""
        self.clock.pass_s(after_s)
        self.running.pop(0).set()
        for _ in range(5):
            await asyncio.sleep(0)

    def drop_refused(self) -> None:
        """Forget callers that were refused."""
        self.tasks = [task for task in self.tasks if not (task.done() and isinstance(task.exception(), Overloaded))]

    async def end_all(self) -> None:
        """Everything that was let in ends, and nothing is left."""
        while self.running:
            await self.end_one()
        await asyncio.gather(*self.tasks)
        assert (len(self.admission._lines), self.admission._running.total()) == (0, 0)


async def busy(places: int = 1, *, work_s: float = bounds.FIRST_WORK_S, max_waiting: int = 1000) -> Service:
    """A service whose places are taken, and that knows how long work of every kind takes."""
    service = Service(places=places, max_waiting=max_waiting, learns=False)
    service.admission._mean_s = dict.fromkeys(WorkKind, work_s)
    for _ in range(places):
        await service.come(WorkKind.JOB)
    service.order.clear()
    return service


async def fill(service: Service, kind: WorkKind) -> Overloaded:
    """Callers of a kind until one is refused; what that one was told."""
    while True:
        task = await service.come(kind)
        if task.done():
            service.tasks.remove(task)
            error = task.exception()
            assert isinstance(error, Overloaded)
            return error


@pytest.mark.parametrize("kind", LIMITED)
async def test_a_line_is_as_long_as_it_may_be_and_no_longer(kind: WorkKind) -> None:
    service = await busy(work_s=0.001, max_waiting=3)
    error = await fill(service, kind)
    assert service.admission._lines.waiting(kind) == 3
    assert error.detail.startswith("Too many pictures are waiting already.")
    with pytest.raises(Overloaded):
        service.admission.check(kind)
    await service.end_all()
    service.admission.check(kind)


@given(st.lists(st.sampled_from([kind for kind in WorkKind if kind is not WorkKind.SEARCH]), max_size=60))
async def test_no_search_is_refused_because_of_others(others: Sequence[WorkKind]) -> None:
    service = await busy(places=2, work_s=0.1, max_waiting=8)
    for kind in others:
        await service.come(kind)
    search = await service.come(WorkKind.SEARCH)
    assert not search.done()
    await service.end_one()
    assert service.order == [WorkKind.SEARCH], "the next place is the visitor's"
    service.drop_refused()
    await service.end_all()


@given(st.lists(st.sampled_from(LIMITED), min_size=1, max_size=80), st.integers(1, 4), st.floats(0.01, 0.5))
async def test_visitors_who_are_let_in_are_served_within_their_limit(
    arrivals: Sequence[WorkKind], places: int, work_s: float
) -> None:
    """All come at once, and work takes as long as it has before: what was reckoned comes true."""
    service = await busy(places, work_s=work_s)
    for kind in arrivals:
        await service.come(kind)
    service.drop_refused()
    last_s = 0.0
    while service.running:
        await service.end_one(work_s / places)
        if service.order and service.order[-1] is WorkKind.SEARCH:
            last_s = service.clock.elapsed_s()
    limit_s = max((bounds.MOST_S[WorkKind.SEARCH] or 0.0) - work_s, work_s / 2)
    # A visitor waits for one turn of the others at most that was not reckoned, and for one place to come free.
    assert last_s <= limit_s + 2 * work_s / places + 0.001
    await service.end_all()


@given(st.lists(st.sampled_from([WorkKind.LIVE, WorkKind.DETECT, WorkKind.INDEX, WorkKind.BATCH]), max_size=8))
async def test_visitors_who_never_end_do_not_keep_the_others_out_for_ever(others: Sequence[WorkKind]) -> None:
    service = await busy(work_s=0.1)
    for kind in others:
        await service.come(kind)
    await service.come(WorkKind.JOB)
    await service.come(WorkKind.SEARCH)
    turns = round(1 / OTHERS_SHARE)
    for _ in range((len(others) + 1) * turns):
        await service.come(WorkKind.SEARCH, begun=True)
        await service.end_one()
    taken = [kind for kind in service.order if kind is not WorkKind.SEARCH]
    assert taken[: len(others)] == list(others), "in the order they came in"
    assert taken[len(others) :] == [WorkKind.JOB], "jobs last"
    assert len(service.order) - len(taken) >= (len(others) + 1) * (turns - 1) - 1, "the rest is the visitors'"
    await service.end_all()


async def test_time_is_shared_and_not_turns() -> None:
    service = await busy()
    service.admission._mean_s |= {WorkKind.SEARCH: 0.1, WorkKind.INDEX: 0.4}
    await service.come(WorkKind.INDEX)
    for _ in range(40):
        await service.come(WorkKind.SEARCH, begun=True)
    for _ in range(30):
        await service.end_one(0.1)
    assert service.order.index(WorkKind.INDEX) == round(0.4 / 0.1 * (1 / OTHERS_SHARE - 1)) - 1
    await service.end_all()


async def test_what_was_begun_goes_on_first_and_is_not_refused() -> None:
    service = await busy(max_waiting=2)
    await fill(service, WorkKind.SEARCH)
    begun = await service.come(WorkKind.SEARCH, begun=True)
    await service.end_one()
    assert not begun.done()
    assert service.admission._lines.waiting(WorkKind.SEARCH) == 2
    await service.end_all()


@pytest.mark.parametrize("kind", [WorkKind.BATCH, WorkKind.JOB])
async def test_what_is_bounded_elsewhere_is_never_refused(kind: WorkKind) -> None:
    service = await busy(work_s=100.0, max_waiting=1)
    for _ in range(20):
        assert not (await service.come(kind)).done()
    service.admission.check(kind)
    await service.end_all()


@pytest.mark.parametrize(
    ("places", "work_s", "waiting", "retry_after_s"),
    [(1, 0.25, 5, 2), (2, 0.25, 10, 2), (2, 0.9, 1, 1), (2, 50.0, 1, 30)],
)
async def test_callers_come_again_when_those_who_wait_are_done(
    places: int, work_s: float, waiting: int, retry_after_s: int
) -> None:
    service = await busy(places, work_s=work_s)
    error = await fill(service, WorkKind.SEARCH)
    assert service.admission._lines.waiting(WorkKind.SEARCH) == waiting
    assert error.retry_after_s == retry_after_s
    assert f"Try again in {retry_after_s} s." in error.detail
    await service.end_all()


async def test_indexing_counts_on_its_share_while_visitors_fill_the_places() -> None:
    service = await busy(work_s=0.2)
    await fill(service, WorkKind.SEARCH)
    assert service.admission.expected_wait_s(WorkKind.INDEX) == pytest.approx(0.2 + 0.2 / OTHERS_SHARE)
    error = await fill(service, WorkKind.INDEX)
    assert service.admission._lines.waiting(WorkKind.INDEX) == 6
    assert error.retry_after_s == 12
    await service.end_all()


async def test_it_learns_how_long_work_takes_only_under_load() -> None:
    service = Service(places=2)
    await service.come(WorkKind.SEARCH)
    await service.end_one(after_s=5.0)
    assert service.admission._mean_s == {}
    for _ in range(200):
        await service.come(WorkKind.SEARCH)
        await service.come(WorkKind.SEARCH)
        await service.end_one(after_s=1.0)
        await service.end_one()
    assert service.admission._work_s(WorkKind.SEARCH) == pytest.approx(1.0, rel=0.01)
    assert service.admission._deviation_s[WorkKind.SEARCH] == pytest.approx(0.0, abs=0.01)
    assert service.admission._work_s(WorkKind.INDEX) == bounds.FIRST_WORK_S


async def test_where_work_is_uneven_fewer_may_wait() -> None:
    even, uneven = await busy(work_s=0.25), await busy(work_s=0.25)
    uneven.admission._deviation_s[WorkKind.SEARCH] = 0.25
    for service, waiting in ((even, 5), (uneven, 3)):
        await fill(service, WorkKind.SEARCH)
        assert service.admission._lines.waiting(WorkKind.SEARCH) == waiting
        await service.end_all()


async def test_a_slow_machine_lets_one_wait() -> None:
    service = await busy(2, work_s=60.0)
    assert not (await service.come(WorkKind.SEARCH)).done()
    assert (await service.come(WorkKind.SEARCH)).done()
    service.drop_refused()
    await service.end_all()


async def test_nobody_waits_longer_than_reckoned_by_half(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_S", dict.fromkeys(WorkKind, 0.01))
    service = await busy(work_s=0.001)
    late = await service.come(WorkKind.SEARCH)
    with pytest.raises(Overloaded, match="No place came free in time"):
        await asyncio.wait_for(late, PATIENCE_S)
    service.tasks.remove(late)
    assert len(service.admission._lines) == 0
    await service.end_all()


async def test_who_leaves_the_line_leaves_nothing_behind() -> None:
    service = await busy(work_s=0.01)
    leaving, staying = [await service.come(WorkKind.SEARCH) for _ in range(2)]
    leaving.cancel()
    service.running.pop(0).set()  # the place is handed on before the cancelled task has run
    with pytest.raises(asyncio.CancelledError):
        await leaving
    for _ in range(5):
        await asyncio.sleep(0)
    assert service.order == [WorkKind.SEARCH]
    service.tasks.remove(leaving)
    await service.end_all()
    assert staying.done()
    assert service.admission._running.total() == 0


async def test_a_place_given_too_late_is_handed_on() -> None:
    service = await busy(work_s=0.01)
    leaving, staying = [await service.come(WorkKind.SEARCH) for _ in range(2)]
    service.running.pop(0).set()
    await asyncio.sleep(0)  # the first in line has its place, and has not yet come round to knowing
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    for _ in range(5):
        await asyncio.sleep(0)
    service.tasks.remove(leaving)
    await service.end_all()
    assert staying.done()
    assert service.admission._running.total() == 0


async def test_what_is_due_when_idle_is_done_once_after_a_spell_of_work() -> None:
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    calls: list[int] = []

    def when_idle() -> None:
        calls.append(admission._running.total())
        loop.call_soon_threadsafe(done.set)

    admission = BoundedAdmission(max_running=2, max_waiting=2, clock=HandClock(), when_idle=when_idle, idle_s=0.01)
    async with admission.admit(WorkKind.SEARCH), admission.admit(WorkKind.INDEX):
        assert not calls
    await asyncio.wait_for(done.wait(), PATIENCE_S)
    assert calls == [0]


async def test_nothing_is_done_while_a_picture_is_at_work() -> None:
    calls: list[None] = []
    admission = BoundedAdmission(
        max_running=1, max_waiting=1, clock=HandClock(), when_idle=lambda: calls.append(None), idle_s=0.0
    )
    async with admission.admit(WorkKind.SEARCH):
        pass
    async with admission.admit(WorkKind.SEARCH):  # before the loop turns
        for _ in range(5):
            await asyncio.sleep(0)
        assert not calls
