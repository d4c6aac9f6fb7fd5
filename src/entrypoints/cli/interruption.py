"""Ctrl-C in a long run: the work in flight is finished first."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from facepass.entrypoints.cli.output import note

AFTER_THOSE_IN_FLIGHT = "Stopping after the photos in flight; ctrl-C again stops at once."


@contextmanager
def stop_on_interrupt(words: str = AFTER_THOSE_IN_FLIGHT) -> Iterator[asyncio.Event]:
    """An event that ctrl-C sets. A second ctrl-C ends the process the usual way, photos in flight or not."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        note(words)
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
