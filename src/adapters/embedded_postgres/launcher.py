"""The asynchronous face of the embedded server, with a supervisor that brings it back when it dies."""

import asyncio
import contextlib
from pathlib import Path

import structlog

from facepass.adapters.embedded_postgres.server import Server, TimeLimits
from facepass.domain.errors import ConfigurationError, DependencyUnavailable, FacePassError

WATCH_INTERVAL_S = 0.1
BACKOFF_FIRST_S = 0.2
BACKOFF_MAX_S = 10.0

logger = structlog.get_logger(__name__)


class EmbeddedPostgres:
    """A PostgreSQL with pgvector below `data_dir/postgres`, shared by all processes that use the same folder.

    The first owner to start creates and starts it, the last one to stop ends it; a server whose owners were all killed
    is adopted by the next. While an owner lives, a server that dies is started again on the same port.

    Args:
        data_dir: the service's DATA_DIR.
        port: on 127.0.0.1; None takes the one of last time, or a free one.
        start_timeout_s: bound of creating and of starting it, each.
        stop_timeout_s: bound of an orderly shutdown, after which it is ended the hard way.
    """

    def __init__(
        self, data_dir: Path, port: int | None = None, *, start_timeout_s: float = 60.0, stop_timeout_s: float = 30.0
    ) -> None:
        self._server = Server(
            data_dir, port=port, limits=TimeLimits(start_timeout_s=start_timeout_s, stop_timeout_s=stop_timeout_s)
        )
        self._ensure_timeout_s = start_timeout_s
        self._serialised = asyncio.Lock()
        self._watcher: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Be an owner of a running server from here on; its `postgresql://` URL.

        Raises:
            ConfigurationError: it cannot be created or started here; says what to do.
            DependencyUnavailable: it was not ready in time.
        """
        async with self._serialised:
            opening = asyncio.ensure_future(asyncio.to_thread(self._server.open))
            try:
                url = await asyncio.shield(opening)
            except asyncio.CancelledError:
                # the thread cannot be stopped: let it finish, within its own time limits, and undo what it did
                with contextlib.suppress(FacePassError):
                    await opening
                    await asyncio.to_thread(self._server.close)
                raise
            if self._watcher is None:
                self._watcher = asyncio.create_task(self._watch(), name="embedded-postgres-watcher")
            return url

    @property
    def url(self) -> str:
        """The `postgresql://` URL, with the password.

        Raises:
            ConfigurationError: not started, so that nobody knows the port yet.
        """
        if self._watcher is None:
            raise ConfigurationError("the embedded PostgreSQL is not started")
        return self._server.url

    async def stop(self) -> None:
        """Give up our share: the last owner stops the server. Harmless when not started."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        async with self._serialised:
            await asyncio.to_thread(self._server.close)

    async def ensure_running(self) -> None:
        """Return when the server runs, starting it again where it died.

        Raises:
            DependencyUnavailable: it was not started, or did not come back within `start_timeout_s`.
        """
        if self._server.is_running():
            return
        try:
            async with asyncio.timeout(self._ensure_timeout_s):
                await self._bring_back()
        except TimeoutError as error:
            raise DependencyUnavailable("database", "the embedded PostgreSQL is not coming back") from error
        except FacePassError as error:
            raise DependencyUnavailable("database", error.detail) from error

    async def _bring_back(self) -> None:
        async with self._serialised:
            if not self._server.is_running():
                await asyncio.to_thread(self._server.bring_back)
                logger.warning("embedded_postgres_restarted")

    async def _watch(self) -> None:
        backoff_s = BACKOFF_FIRST_S
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            if self._server.is_running():
                continue
            try:
                await self._bring_back()
                backoff_s = BACKOFF_FIRST_S
            except (FacePassError, OSError) as error:
                logger.error("embedded_postgres_restart_failed", detail=str(error), next_try_s=backoff_s)  # noqa: TRY400
                await asyncio.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, BACKOFF_MAX_S)
