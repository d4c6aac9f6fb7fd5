"""What to do when a gallery changes its model while somebody is at work on it: the work, once more."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from facepass.domain.errors import GalleryChanged

T = TypeVar("T")

MOST_LOOKS = 3
"""A change of model has two moments, its beginning and its switch; more within one request is no accident."""


async def looking_again(work: Callable[[], Awaitable[T]]) -> T:
    """The result of `work`, which looks at the gallery first; done again where the gallery has changed since.

    Raises:
        GalleryChanged: it did so every time.
    """
    for _ in range(MOST_LOOKS - 1):
        try:
            return await work()
        except GalleryChanged:
            continue
    return await work()
