"""Bounds how many long connections there are at once, and how many of them one holder has."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from facepass.domain.errors import Overloaded

RETRY_AFTER_S = 5


class Places:
    """So many in all, so many for each named holder."""

    def __init__(self, most: int, *, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken = 0
        self._holders: Counter[str] = Counter()

    @contextmanager
    def take(self, holder: str | None) -> Iterator[None]:
        """Hold a place while inside; None for a holder that may have all of them.

        Raises:
            Overloaded: there is none, or none for this holder.
        """
        if self._taken >= self._most or (holder is not None and self._holders[holder] >= self._most_each):
            raise Overloaded("Too many connections at once.", retry_after_s=RETRY_AFTER_S)
        self._taken += 1
        if holder is not None:
            self._holders[holder] += 1
        try:
            yield
        finally:
            self._taken -= 1
            if holder is not None:
                self._holders -= Counter((holder,))  # keeps only those above zero
