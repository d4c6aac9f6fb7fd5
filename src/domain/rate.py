"""How often somebody may do something: at most so many times in any stretch of time of one length."""

import math
from dataclasses import dataclass

MICROSECONDS = 1_000_000
"""In a second."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `most` times in any `per_s` seconds.

    Attributes:
        most: at least 1.
        per_s: length of the window in seconds, above 0.
    """

    most: int
    per_s: float

    def __post_init__(self) -> None:
        if self.most < 1 or not 0.0 < self.per_s < math.inf:
            raise ValueError("a rate limit admits at least once, in a stretch of time that ends")

    @property
    def window_us(self) -> int:
        """Length of the window in whole microseconds, in which limiters count; at least 1."""
        return max(1, round(self.per_s * MICROSECONDS))


@dataclass(frozen=True, slots=True)
class RateDecision:
    """What a rate limiter says to one more time.

    Attributes:
        admitted: whether it is within the limit; only then does it count.
        limit: that was asked for.
        remaining: how many more would be admitted right now.
        reset_s: seconds until one more than `remaining` would be; 0 where nothing has been admitted.
    """

    admitted: bool
    limit: RateLimit
    remaining: int
    reset_s: float

    @property
    def retry_after_s(self) -> int:
        """Whole seconds after which asking again is admitted, if nobody else asks meanwhile; at least 1."""
        return max(1, math.ceil(self.reset_s))
