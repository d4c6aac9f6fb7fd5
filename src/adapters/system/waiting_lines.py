"""Who is next: a line for each kind of work, and the order in which their heads get a free place.

The first kind in precedence goes first, always, but for one thing: while others wait too, they are owed `OTHERS_SHARE`
of the time that places are held. Without it a service that visitors keep busy would never index again. What they are
owed goes to whoever of them has waited longest, so no kind among them starves either; `JOB` alone gets it only when
none of the others waits, for nobody waits for a job. Time is what is shared, not turns: a large photo holds a place as
long as many selfies do.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from facepass.application.ports import WorkKind

OTHERS_SHARE = 1 / 8
"""Of the time of all places, for the kinds behind the first one that waits."""


@dataclass(slots=True, eq=False)
class Waiting:
    """One caller in a line.

    Attributes:
        arrival: its number among all arrivals.
        turn: done when it has a place.
    """

    kind: WorkKind
    arrival: int
    turn: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class WaitingLines:
    """The lines of all kinds.

    Args:
        work_s: how long a picture of a kind holds its place, as far as is known.
    """

    def __init__(self, work_s: Callable[[WorkKind], float]) -> None:
        self._work_s = work_s
        self._lines: dict[WorkKind, deque[Waiting]] = {kind: deque() for kind in WorkKind}
        self._arrivals = 0
        self._owed_s = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._lines.values()))

    def waiting(self, kind: WorkKind) -> int:
        """How many of a kind wait."""
        return len(self._lines[kind])

    def work_waiting_s(self, kinds: Sequence[WorkKind]) -> float:
        """How long places will be held for all who wait of some kinds."""
        return sum(len(self._lines[kind]) * self._work_s(kind) for kind in kinds)

    def join(self, kind: WorkKind, *, in_front: bool) -> Waiting:
        """Wait, behind all others of the kind or before them."""
        self._arrivals += 1
        waiting = Waiting(kind, self._arrivals)
        if in_front:
            self._lines[kind].appendleft(waiting)
        else:
            self._lines[kind].append(waiting)
        return waiting

    def leave(self, waiting: Waiting) -> None:
        """Wait no longer."""
        line = self._lines[waiting.kind]
        if waiting in line:
            line.remove(waiting)

    def next(self) -> Waiting | None:
        """Take who is next out of its line; None where nobody waits."""
        kinds = [kind for kind in WorkKind if self._anybody(kind)]
        if not kinds:
            return None
        first, *others = kinds
        if not others:
            self._owed_s = 0.0  # what nobody asked for is not saved up
            return self._lines[first].popleft()
        other = self._longest_waiting(others)
        cost_s = self._work_s(other)
        self._owed_s += OTHERS_SHARE / (1 - OTHERS_SHARE) * self._work_s(first)
        if self._owed_s < cost_s:
            return self._lines[first].popleft()
        self._owed_s = min(self._owed_s - cost_s, cost_s)
        return self._lines[other].popleft()

    def _anybody(self, kind: WorkKind) -> bool:
        """Whether somebody of the kind still waits: one who was cancelled stays in the line until its task runs."""
        line = self._lines[kind]
        while line and line[0].turn.done():
            line.popleft()
        return bool(line)

    def _longest_waiting(self, kinds: Sequence[WorkKind]) -> WorkKind:
        asked_for = [kind for kind in kinds if kind is not WorkKind.JOB] or kinds
        return min(asked_for, key=lambda kind: self._lines[kind][0].arrival)
