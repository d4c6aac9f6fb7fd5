"""How often may be tried again altogether: what keeps retries from making an outage worse.

Whatever succeeds puts a tenth of a retry aside, up to a limit; with nothing put aside, errors are passed on at once
(Google SRE, "Handling Overload", 2016). Adapters use it, which know nothing of each other; each has one of its own.
"""

from dataclasses import dataclass

SUCCESSES_A_RETRY = 10
MOST_SAVED = 20
"""Retries."""


@dataclass
class RetryBudget:
    """Retries that may still be made, shared by all that one process asks of one dependency.

    Attributes:
        successes: put aside; `SUCCESSES_A_RETRY` of them pay for a retry.
    """

    successes: int = MOST_SAVED * SUCCESSES_A_RETRY

    def earn(self) -> None:
        """Something has succeeded."""
        self.successes = min(MOST_SAVED * SUCCESSES_A_RETRY, self.successes + 1)

    def spend(self) -> bool:
        """Take one retry out; whether there was one."""
        if self.successes < SUCCESSES_A_RETRY:
            return False
        self.successes -= SUCCESSES_A_RETRY
        return True
