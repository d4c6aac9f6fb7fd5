"""Waiting for a busy service: every call repeated here can be sent again without harm."""

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import stamina

from facepass.domain.errors import DependencyUnavailable, Overloaded

Waitable = type[Overloaded] | type[DependencyUnavailable]

T = TypeVar("T")

MAX_JITTER_S = 0.5
"""Added to every wait, so that callers refused together do not come back together."""


async def patiently(call: Callable[[], Awaitable[T]], *, on: tuple[Waitable, ...], budget_s: float) -> T:
    """What `call` answers, asked again while the service says that waiting helps.

    Args:
        call: one attempt; must be safe to repeat.
        on: errors that are waited out.
        budget_s: seconds after which no attempt is begun; a wait longer than that is not begun either.

    Raises:
        FacePassError: at once what is not in `on`; at the end of the budget what is.
    """

    def wait_s(error: Exception) -> float | bool:
        if not isinstance(error, on) or error.retry_after_s > budget_s:
            return False
        return error.retry_after_s + random.uniform(0.0, MAX_JITTER_S)  # noqa: S311 spreads load, guards nothing

    async for attempt in stamina.retry_context(on=wait_s, attempts=None, timeout=budget_s):
        with attempt:
            return await call()
    raise AssertionError("an attempt returns or raises")
