"""What the database could not settle is done again, within a budget."""

from collections.abc import Iterator

import pytest
import stamina

from facepass.adapters.pgvector.errors import Unsettled
from facepass.adapters.pgvector.retry import ATTEMPTS, with_retries
from facepass.application.retry_budget import RetryBudget
from facepass.domain.errors import DependencyUnavailable


class Work:
    """Fails so many times, then succeeds."""

    def __init__(self, failures: int, error: type[DependencyUnavailable] = Unsettled) -> None:
        self.calls, self._failures, self._error = 0, failures, error

    async def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error("database", "broken off")
        return self.calls


@pytest.fixture(autouse=True)
def _without_pauses() -> Iterator[None]:
    with stamina.set_testing(testing=True, attempts=ATTEMPTS, cap=True):
        yield


@pytest.mark.parametrize("failures", [0, 1, ATTEMPTS - 1])
async def test_it_is_done_again_until_it_succeeds(failures: int) -> None:
    assert await with_retries(Work(failures), RetryBudget()) == failures + 1


async def test_in_the_end_the_error_is_passed_on() -> None:
    work = Work(ATTEMPTS)
    with pytest.raises(Unsettled):
        await with_retries(work, RetryBudget())
    assert work.calls == ATTEMPTS


async def test_what_doing_again_does_not_help_is_passed_on_at_once() -> None:
    work = Work(1, DependencyUnavailable)
    with pytest.raises(DependencyUnavailable):
        await with_retries(work, RetryBudget())
    assert work.calls == 1


async def test_the_budget_bounds_all_retries_together_and_fills_up_with_success() -> None:
    budget = RetryBudget(successes=20)
    calls = 0
    for _ in range(10):
        work = Work(99)
        with pytest.raises(Unsettled):
            await with_retries(work, budget)
        calls += work.calls
    assert calls == 10 + 2
    for _ in range(10):
        await with_retries(Work(0), budget)
    assert budget.successes == 10
    assert await with_retries(Work(1), budget) == 2
