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


class WorkKind(StrEnum):
    """What a picture is looked at for. Listed by precedence: who waits at a screen goes before what can wait."""

    SEARCH = "search"
    """A visitor's selfie; also that of somebody who is to be forgotten."""
    LIVE = "live"
    """A frame of a camera."""
    DETECT = "detect"
    """Pictures that are looked at or compared, and not kept."""
    INDEX = "index"
    """A photo that its caller waits for."""
    BATCH = "batch"
    """A photo of a batch: the batch was let in as a whole, so its photos are never refused."""
    JOB = "job"
    """A photo nobody waits for: never refused, always last."""


class Admission(Protocol):
    """Bounds how many pictures are worked on at once, and how many of each kind may wait."""

    @abstractmethod
    def admit(self, kind: WorkKind, *, begun: bool = False) -> AbstractAsyncContextManager[None]:
        """Hold a place while inside.

        Args:
            kind: of the work.
            begun: work of this caller was done already, as after the first of several selfies: it goes on before
                others of its kind begin, and is not refused.

        Raises:
            Overloaded: too many wait already, or it would take, or has taken, longer than this kind may wait.
        """

    @abstractmethod
    def check(self, kind: WorkKind) -> None:
        """Return if a picture of the kind would be let in now: asked before its bytes are received.

        Raises:
            Overloaded: as `admit` would.
        """


class Workers(Protocol):
    """Threads for work that would block the event loop. Who brings work holds a place of `Admission`."""

    @abstractmethod
    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread and return what it returns.

        Raises:
            Overloaded: the service stops.
        """
