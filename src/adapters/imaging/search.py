"""Searching large files without keeping other threads waiting."""

import re
from typing import Final

WINDOW_BYTES: Final = 1 << 20
"""Searched at a time: a regular expression holds the interpreter's lock until it is done, here for some 0.4 ms."""


def search(pattern: re.Pattern[bytes], data: bytes, start: int = 0, *, longest: int) -> re.Match[bytes] | None:
    """The first match at or after `start`.

    Args:
        pattern: what to look for.
        data: where.
        start: offset of the first byte that a match may begin with.
        longest: bytes that a match may have.
    """
    for window in range(start, len(data), WINDOW_BYTES):
        if match := pattern.search(data, window, window + WINDOW_BYTES + longest):
            return match
    return None
