"""How often what the database could not settle is done again: a few times each, and within a budget altogether."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from facepass.adapters.pgvector.errors import Unsettled
from facepass.application.retry_budget import RetryBudget

T = TypeVar("T")

ATTEMPTS = 4
"""Of one unit of work, the first included."""
TIMEOUT_S = 3.0
"""Longest time from the first attempt to the start of the last."""


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
