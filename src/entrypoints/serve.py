"""Runs the service until it is told to stop.

uvicorn, in this process and on one event loop. By `benchmarks/servers.py --rounds 4 --seconds 8` on two busy cores,
searches on real faces came out even (28.7 a second under uvicorn, 27.8 under granian; p95 333 and 346 ms), pings did
not (3184 and 4238 a second). Searches are what the service is for; and uvicorn starts and stops inside our process, so
one lifespan holds the models and the embedded database, and its end waits for the requests in flight.

How it stops: see `docs/replicas.md`.
"""

import asyncio
import errno
import signal
import socket
from typing import Any

import structlog
import uvicorn
from litestar.types import ASGIApp

from facepass.adapters.system.open_files import allow_open_files
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.bounded_websocket import BoundedWebSocket
from facepass.entrypoints.caretaker import looked_after
from facepass.entrypoints.container import Container
from facepass.entrypoints.draining import DrainingHttp, DrainingServer
from facepass.entrypoints.gauging import gauged
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.ws.messages import max_message_bytes
from facepass.entrypoints.jobs import served_concurrency, worked_on
from facepass.entrypoints.lifespan import Progress, running
from facepass.entrypoints.production import check_production
from facepass.entrypoints.serving import Serving, beside
from facepass.entrypoints.settings import Settings

BACKLOG = 512
"""Connections the kernel holds while the event loop is busy."""
MAX_CONNECTIONS = 4096
"""Beyond, idle ones included, uvicorn answers 503 by itself: the last resort, far above what `Crowd` lets in."""
MAX_OPEN_FILES = MAX_CONNECTIONS + 1024
"""Connections, and room for the database's, the photo store's and uploads that wait on disk."""
KEEP_ALIVE_S = 75
"""Longer than balancers keep a connection they do not use, so that it is they who close it."""
WS_PING_INTERVAL_S = 20.0
"""A client that says nothing is pinged so often: well within the minute after which proxies drop what seems idle."""
WS_PING_TIMEOUT_S = 20.0
"""One that does not answer so long is closed (1011): it has left, or reads nothing."""
WS_MAX_QUEUE = 256
"""Messages of one WebSocket that wait for us. No more is read while one waits, so all of them came in one piece of the
stream, which can hold tens of thousands of tiny ones."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)

_log = structlog.stdlib.get_logger("facepass.serve")


def serve(container: Container, *, progress: Progress) -> None:
    """Start, listen, answer; on SIGTERM or SIGINT finish what is in flight and return.

    Args:
        container: of the service.
        progress: told in a line what takes time while starting, and in the end where the service listens.

    Raises:
        ConfigurationError: production does not start like this, the address cannot be listened on, or `running`
            refuses to start.
    """
    settings = container.settings()
    check_production(settings)
    allow_open_files(MAX_OPEN_FILES)
    with bind(settings.server.api_host, settings.server.api_port) as listener:
        config = server_config(create_app(container), max_frame_bytes=settings.uploads.max_upload_bytes)
        with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
            runner.run(_serve(container, listener, config, progress))


def server_config(app: ASGIApp, *, max_frame_bytes: int) -> uvicorn.Config:
    """How uvicorn runs.

    Args:
        app: what answers.
        max_frame_bytes: largest picture that comes over a WebSocket.
    """
    return uvicorn.Config(
        app,
        http=DrainingHttp,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
        ws=BoundedWebSocket,
        ws_max_size=max_message_bytes(max_frame_bytes),
        ws_max_queue=WS_MAX_QUEUE,
        ws_ping_interval=WS_PING_INTERVAL_S,
        ws_ping_timeout=WS_PING_TIMEOUT_S,
        # Pictures are compressed already; inflating what strangers send costs memory without bound or a context each.
        ws_per_message_deflate=False,
    )


def bind(host: str, port: int, *, called: str = "API_PORT") -> socket.socket:
    """A socket that holds its address but takes no connection yet: callers are refused until the service can answer.

    Args:
        host: name or address.
        port: of TCP.
        called: the setting that names the port.

    Raises:
        ConfigurationError: saying what to change.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ConfigurationError(f"API_HOST={host}: this address cannot be resolved here.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ConfigurationError(_why_not(error, host, port, called)) from error
    return listener


def _why_not(error: OSError, host: str, port: int, called: str) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{called}={port}: something else listens on {host}:{port} already. Choose another port, or stop it."
    if error.errno == errno.EACCES:
        return f"{called}={port}: this user may not listen on {host}:{port}. Choose a port above 1023."
    return f"API_HOST={host}, {called}={port}: cannot be listened on ({error.strerror})."


class _Stop:
    """What signals do. Before the service listens, they cancel its start; afterwards each goes a step further.

    SIGTERM, which comes from whoever also sends requests elsewhere, begins with the lead: the service says that it is
    not ready and goes on. SIGINT comes from a keyboard, where nobody waits for that. Then what is in flight is
    finished, and at last broken off.
    """

    def __init__(self, task: "asyncio.Task[Any]", serving: Serving, settings: Settings) -> None:
        self._task = task
        self._serving = serving
        self._lead_s = settings.shutdown_lead_s
        self._grace_s = settings.server.shutdown_grace_s
        self._lead: asyncio.TimerHandle | None = None
        self.server: DrainingServer | None = None

    def __call__(self, number: signal.Signals) -> None:
        first = not self._serving.is_stopping
        self._serving.stop()
        server, loop = self.server, self._task.get_loop()
        lead_s = self._lead_s if first and number is signal.SIGTERM else 0.0
        _log.info("stopping", signal=number.name, lead_s=lead_s)
        if server is None:
            self._task.cancel()
        elif server.should_exit:
            server.force_exit = True
            self._serving.hurry()
        else:
            if first:
                server.ends_at_s = loop.time() + self._grace_s
            if self._lead is not None:
                self._lead.cancel()
            self._lead = loop.call_later(lead_s, self._drain)

    def _drain(self) -> None:
        if self.server is not None:
            self.server.should_exit = True


async def _serve(container: Container, listener: socket.socket, config: uvicorn.Config, progress: Progress) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("runs inside a task")
    settings, serving = container.settings(), container.serving()
    stop = _Stop(task, serving, settings)
    for number in SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        async with (
            running(container, progress=progress),
            # Whatever works beside requests stands here: it is closed first thing when a signal comes.
            beside(
                serving,
                looked_after(container.look_after()),
                gauged(container),
                worked_on(container, concurrency=served_concurrency(settings)),
                grace_s=settings.server.shutdown_grace_s,
            ),
        ):
            url = url_of(listener)
            stop.server = server = DrainingServer(config)
            progress(f"FacePass listens on {url} (documentation: {url}/docs)")
            await server.serve(sockets=[listener])
    except asyncio.CancelledError:
        if not serving.is_stopping:
            raise
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


def url_of(listener: socket.socket) -> str:
    """Where a person reaches a listening socket."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - shown, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
