"""Server-sent events: how far a job is, whenever that changes, until it ends.

The database is asked every second rather than listened to: however many photos end, that is one short question a second
for each of a bounded number of listeners, and it works through any pooler.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack
from typing import Final

from litestar.response.sse import ServerSentEventMessage

from facepass.application.get_job import GetJob
from facepass.application.ports import Clock
from facepass.domain.errors import DependencyUnavailable, NotFound
from facepass.domain.job import JobId, JobProgress
from facepass.entrypoints.http import convert
from facepass.entrypoints.http.answers import encode
from facepass.entrypoints.http.places import Places

MAX_LISTENERS: Final = 64
"""Of one process."""
MAX_STREAM_S: Final = 3600.0
"""Then the client asks again, as the standard has it: a listener that was forgotten does not stay for ever."""
POLL_S: Final = 1.0
QUIET_S: Final = 15.0
"""Without a change; then a comment is sent, so that nobody in between takes the stream for dead."""
RECONNECT_MS: Final = 2000


class JobEvents:
    """Of any job."""

    def __init__(
        self,
        get_job: GetJob,
        *,
        listeners: Places,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]],
        is_ending: Callable[[], bool] = lambda: False,
    ) -> None:
        """For one service.

        Args:
            get_job: the use case.
            listeners: how many there may be.
            clock: for how long a stream lasts.
            pause: waits so many seconds.
            is_ending: whether the service stops: then every stream ends, and clients go to another replica.
        """
        self._get_job = get_job
        self._listeners = listeners
        self._clock = clock
        self._pause = pause
        self._is_ending = is_ending

    async def of(self, job_id: JobId) -> AsyncGenerator[ServerSentEventMessage, None]:
        """The events of one job.

        Raises:
            NotFound: there is no such job.
            Overloaded: too many listen already.
            DependencyUnavailable: the database; once the stream has begun, it is waited for.
        """
        with ExitStack() as place:
            place.enter_context(self._listeners.take(None))
            report = await self._get_job(job_id)
            return self._stream(job_id, report.progress, place.pop_all())

    async def _stream(
        self, job_id: JobId, progress: JobProgress, place: ExitStack
    ) -> AsyncGenerator[ServerSentEventMessage, None]:
        with place:
            began_s = told_s = self._clock.elapsed_s()
            told: bytes | None = None
            while not self._is_ending() and self._clock.elapsed_s() - began_s < MAX_STREAM_S:
                now = encode(convert.job_progress(progress))
                if now != told:
                    told, told_s = now, self._clock.elapsed_s()
                    ended = progress.finished_at is not None
                    yield ServerSentEventMessage(
                        data=now.decode(), event="end" if ended else "progress", retry=RECONNECT_MS
                    )
                    if ended:
                        return
                elif self._clock.elapsed_s() - told_s >= QUIET_S:
                    told_s = self._clock.elapsed_s()
                    yield ServerSentEventMessage(comment="nothing new")
                await self._pause(POLL_S)
                try:
                    progress = (await self._get_job(job_id)).progress
                except DependencyUnavailable:
                    continue
                except NotFound:  # forgotten: it ended long ago
                    return
