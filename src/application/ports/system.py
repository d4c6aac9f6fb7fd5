"""The machine around the use cases: time, threads, admission."""

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Time, injected."""

    @abstractmethod
    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    @abstractmethod
    def elapsed_s(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class Readiness(Protocol):
    """A dependency that can be asked whether it answers."""

    @abstractmethod
    async def check(self) -> None:
        """Return when it answers.

        Raises:
            DependencyUnavailable: it does not, within the adapter's time limit.
        """


class CircuitState(StrEnum):
    """What a circuit breaker does with the next call."""

    CLOSED = "closed"
    """Lets it through."""
    HALF_OPEN = "half_open"
    """Has one caller look whether the dependency is back."""
    OPEN = "open"
    """Refuses it."""


class Circuit(Protocol):
    """Whether a dependency is known to be away."""

    @property
    @abstractmethod
    def state(self) -> CircuitState:
        """The present one."""


class Admission(Protocol):
    """Bounds how many pictures are worked on at once, and how many may wait."""

    @abstractmethod
    def admit(self) -> AbstractAsyncContextManager[None]:
        """Hold a place while inside.

        Raises:
            Overloaded: no place came free within the wait limit, or too many wait already.
        """


class Workers(Protocol):
    """Threads for work that would block the event loop. Who brings work holds a place of `Admission`."""

    @abstractmethod
    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns.

        Raises:
            Overloaded: the service stops.
        """
