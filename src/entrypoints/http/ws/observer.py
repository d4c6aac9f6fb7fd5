"""Who hears of live connections and of what became of their frames."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Literal, Protocol

FrameOutcome = Literal["answered", "dropped", "failed"]


class LiveObserver(Protocol):
    """Hears of all of a service. Every frame that arrived is over once, by the end of its connection."""

    @abstractmethod
    def connected(self) -> AbstractContextManager[None]:
        """To be held while a connection lasts whose caller is known."""

    @abstractmethod
    def frames(self, outcome: FrameOutcome, number: int = 1) -> None:
        """So many frames are over: answered, refused with a reason, or dropped for newer ones or by their client."""
