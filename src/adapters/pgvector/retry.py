"""How often what the database could not settle is done again: a few times each, and seldom altogether.

The budget is what keeps retries from making an outage worse (Google SRE, "Handling Overload", 2016): every unit of work
that succeeds puts a tenth of a retry aside, up to a limit; with nothing put aside, errors are passed on at once.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import stamina

from facepass.adapters.pgvector.errors import Unsettled

T = TypeVar("T")

ATTEMPTS = 4
"""Of one unit of work, the first included."""
TIMEOUT_S = 3.0
"""Longest time from the first attempt to the start of the last."""
SUCCESSES_A_RETRY = 10
MOST_SAVED = 20
"""Retries."""


@dataclass
class RetryBudget:
    """Retries that may still be made, shared by a process's units of work.

    Attributes:
        successes: put aside; `SUCCESSES_A_RETRY` of them pay for a retry.
    """

    successes: int = MOST_SAVED * SUCCESSES_A_RETRY

    def earn(self) -> None:
        """A unit of work has succeeded."""
        self.successes = min(MOST_SAVED * SUCCESSES_A_RETRY, self.successes + 1)

    def spend(self) -> bool:
        """Take one retry out; whether there was one."""
        if self.successes < SUCCESSES_A_RETRY:
            return False
        self.successes -= SUCCESSES_A_RETRY
        return True


async def with_retries(work: Callable[[], Awaitable[T]], budget: RetryBudget) -> T:
    """The result of `work`, tried again after `Unsettled`, with growing, jittered pauses of 20 ms to 1 s.

    Raises:
        Unsettled: that of the last attempt.
    """

    def worth_another(error: Exception) -> bool:
        return isinstance(error, Unsettled) and budget.spend()

    retrying = stamina.AsyncRetryingCaller(
        attempts=ATTEMPTS, timeout=TIMEOUT_S, wait_initial=0.02, wait_jitter=0.05, wait_max=1.0
    )
    result = await retrying(worth_another, work)
    budget.earn()
    return result
