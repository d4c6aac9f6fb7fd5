"""What a process that serves no requests answers about itself: its metrics, and whether it lives and is ready."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from facepass.entrypoints.container import Container
from facepass.entrypoints.draining import DrainingServer
from facepass.entrypoints.http.app import create_watch_app
from facepass.entrypoints.serve import bind, server_config
from facepass.entrypoints.settings import Settings

LAST_ANSWERS_S: Final = 1.0
"""For answers in flight when the process ends: all of them are short."""


def watch_listener(settings: Settings) -> socket.socket | None:
    """A socket at METRICS_PORT that takes no connection yet; None where none is wanted.

    Raises:
        ConfigurationError: it cannot be listened on.
    """
    port = settings.server.metrics_port
    return None if port is None else bind(settings.server.api_host, port, called="METRICS_PORT")


@asynccontextmanager
async def watched(container: Container, listener: socket.socket | None) -> AsyncIterator[None]:
    """Answer while the block lasts, and until whatever was opened inside has ended; nothing without a listener."""
    if listener is None:
        yield
        return
    app = create_watch_app(container)
    server = DrainingServer(server_config(app, max_frame_bytes=container.settings().uploads.max_upload_bytes))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.ends_at_s = asyncio.get_running_loop().time() + LAST_ANSWERS_S
        server.should_exit = True
        await serving
