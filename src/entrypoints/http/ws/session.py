"""One caller's frames, from `ready` to the end: a reader, room for one frame, and a worker that looks at it.

The reader never waits for the worker: frames that come faster are dropped, the older ones first. The worker takes the
next frame only when its client has taken the last answer. So a connection holds at most one frame that is looked at,
one that waits, and one that arrives.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from litestar.types import Scope

from facepass.application.detect_faces import DetectedFaces
from facepass.application.ports import Clock
from facepass.domain.errors import FacePassError, InvalidRequest, PayloadTooLarge
from facepass.entrypoints.http import convert
from facepass.entrypoints.http.body import BodyLease
from facepass.entrypoints.http.problems import noted_problem
from facepass.entrypoints.http.ws.close_codes import CloseCode, Ended
from facepass.entrypoints.http.ws.connection import Connection
from facepass.entrypoints.http.ws.flood import Flood
from facepass.entrypoints.http.ws.limits import FLOOD_FACTOR, LiveLimits
from facepass.entrypoints.http.ws.messages import Auth, Detections, Failure, Frame, FrameId, Ping, Pong, Ready, decode
from facepass.entrypoints.http.ws.newest_frame import HeldFrame, NewestFrame
from facepass.entrypoints.http.ws.observer import FrameOutcome, LiveObserver


class LiveSession:
    """Of one connection whose caller is known.

    Attributes:
        frames: that have arrived.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        look: Callable[[bytes], Awaitable[DetectedFaces]],
        recheck: Callable[[], Awaitable[None]],
        expires_at: datetime | None,
        lease: BodyLease,
        limits: LiveLimits,
        clock: Clock,
        scope: Scope,
        observer: LiveObserver,
    ) -> None:
        """For one caller.

        Args:
            connection: to the caller.
            look: finds the faces of a picture.
            recheck: raises when the caller may no longer be here.
            expires_at: when the credential ends; None for never.
            lease: accounts for the frames that are held.
            limits: what the connection may cost.
            clock: decides on time; waits themselves are on the machine's.
            scope: of the handshake.
            observer: hears what becomes of frames.
        """
        self._connection = connection
        self._look = look
        self._recheck = recheck
        self._expires_at = expires_at
        self._lease = lease
        self._limits = limits
        self._clock = clock
        self._scope = scope
        self._observer = observer
        self._newest = NewestFrame()
        self._flood = Flood(FLOOD_FACTOR * limits.max_frames_per_s, clock)
        self._begun_s = self._last_frame_s = self._checked_s = clock.elapsed_s()
        self._reported = 0
        self._over = 0
        self.frames = 0

    @property
    def dropped(self) -> int:
        """Frames that were not looked at because newer ones came."""
        return self._newest.dropped

    async def run(self) -> None:
        """Answer frames until the connection ends.

        Raises:
            Ended: always, unless one of the following.
            Unauthorized, RateLimited, DependencyUnavailable: what `recheck` raised.
        """
        limits = self._limits
        await self._connection.send(Ready(limits.max_frame_bytes, limits.max_frames_per_s))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read())
                group.create_task(self._work())
        except ExceptionGroup as ends:  # of the one that ended first; the other was cancelled
            raise ends.exceptions[0] from None
        finally:
            # whoever left waits for none of them any more
            self._frames_over("dropped", self.frames - self._over)

    async def _read(self) -> None:
        """Take in messages as fast as they come."""
        while True:
            message = await self._next_message()
            if not self._flood.admits():
                raise Ended(CloseCode.POLICY_VIOLATION, "Far more messages than frames are looked at.")
            if self._clock.elapsed_s() - self._checked_s >= self._limits.recheck_s:
                await self._recheck()
                self._checked_s = self._clock.elapsed_s()
            await self._take(message)

    async def _next_message(self) -> str | bytes:
        left_s, end = self._time_left()
        if left_s > 0:
            try:
                return await self._connection.receive(left_s)
            except TimeoutError:
                pass
        raise end

    def _time_left(self) -> tuple[float, Ended]:
        """Seconds to whatever ends first, and how the connection is closed then."""
        now_s, limits = self._clock.elapsed_s(), self._limits
        ends = [
            (self._begun_s + limits.life_s - now_s, Ended(CloseCode.NORMAL, "Connect again.")),
            (self._last_frame_s + limits.idle_timeout_s - now_s, Ended(CloseCode.TIMED_OUT, "No frame came.")),
        ]
        if self._expires_at is not None:
            left = self._expires_at - self._clock.now()
            ends.append((left.total_seconds(), Ended(CloseCode.UNAUTHORIZED, "The credential has expired.")))
        return min(ends, key=lambda end: end[0])

    async def _take(self, message: str | bytes) -> None:
        if isinstance(message, str):
            try:
                decoded = decode(message)
                if isinstance(decoded, Auth):
                    raise InvalidRequest.field("type", "must be `frame` or `ping`: the caller is known already")
            except InvalidRequest as error:
                await self._refuse(error, None)
                return
            if isinstance(decoded, Ping):
                await self._connection.send(Pong())
                return
        else:
            decoded = Frame(message)
        await self._take_frame(decoded)

    async def _take_frame(self, frame: Frame) -> None:
        self.frames += 1
        self._last_frame_s = self._clock.elapsed_s()
        held = HeldFrame(self.frames if frame.id is None else frame.id, frame.data)
        try:
            if len(held.data) > self._limits.max_frame_bytes:
                raise PayloadTooLarge(f"A frame may have at most {self._limits.max_frame_bytes} bytes.")
            self._lease.take(len(held.data))
        except FacePassError as error:
            await self._refuse(error, held.id)
            self._frames_over("failed")
            return
        replaced = self._newest.put(held)
        if replaced is not None:
            self._lease.give_back(len(replaced.data))
            self._frames_over("dropped")

    async def _work(self) -> None:
        """Look at one frame after the other, so many a second at most."""
        pause_s = 1 / self._limits.max_frames_per_s
        while True:
            answer, begun_s = await self._answer_next()
            await self._connection.send(answer)
            self._frames_over("answered" if isinstance(answer, Detections) else "failed")
            await asyncio.sleep(max(0.0, begun_s + pause_s - self._clock.elapsed_s()))

    async def _answer_next(self) -> tuple[Detections | Failure, float]:
        """What is said of the newest frame, and when it was taken. Nothing of it is held any more."""
        frame = await self._newest.take()
        begun_s = self._clock.elapsed_s()
        try:
            found = convert.detected_faces(await self._look(frame.data))
        except Exception as error:  # noqa: BLE001 - a picture that breaks something must not end the connection
            return self._failure(error, frame.id), begun_s
        finally:
            self._lease.give_back(len(frame.data))
        dropped, self._reported = self.dropped - self._reported, self.dropped
        return Detections(frame.id, found.faces, found.image, found.took_ms, dropped), begun_s

    def _frames_over(self, outcome: FrameOutcome, number: int = 1) -> None:
        self._over += number
        self._observer.frames(outcome, number)

    async def _refuse(self, error: Exception, frame_id: FrameId | None) -> None:
        await self._connection.send(self._failure(error, frame_id))

    def _failure(self, error: Exception, frame_id: FrameId | None) -> Failure:
        problem, _ = noted_problem(error, self._scope)
        return Failure(problem.code, problem.detail, frame_id, problem.retry_after_s)
