"""Index one photo of a job: exactly once in effect, whoever is killed when, and however often it is handed out.

The photo and the end of its unit are stored in one transaction, which first looks whether the unit has ended: a unit
that two workers have in hand is stored by one of them, one that was cancelled or whose session was erased by none. A
worker that is killed leaves the unit as it was, and the queue hands it out again.

What is not the photo's fault (a dependency out of reach, no place for it) is waited for, not counted. What is not known
to be anybody's fault is tried `MAX_ATTEMPTS` times; a photo that takes its worker down with it counts as such.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final, TypeVar

from facepass.application.index_photo import IndexPhoto
from facepass.application.ports import Clock, ImageLimits, UnitOfWork, UnitOfWorkFactory, WorkKind
from facepass.application.read_photo import ReadPhoto
from facepass.domain.errors import DependencyUnavailable, FacePassError, NoFaceDetected, Overloaded
from facepass.domain.gallery import Photo
from facepass.domain.job import JobUnit, UnitRef

T = TypeVar("T")

MAX_ATTEMPTS: Final = 10
FIRST_PAUSE_S: Final = 0.25
MAX_PAUSE_S: Final = 2.0
"""Between two looks whether a dependency is back: a job goes on within seconds, and its workers do not storm it."""
HELD_FOR_S: Final = 300.0
"""Longest that a unit is waited with; then it goes back into the queue for a while."""
GIVEN_UP_AFTER: Final = timedelta(hours=24)
"""Since its job was asked for: then a dependency that is still out of reach counts as the photo's end."""
PUT_BACK_TIMEOUT_S: Final = 2.0


class UnitEnded(Exception):
    """Somebody else has done it, or it is not wanted any more; nothing was stored."""


class RunUnit:
    """For any worker, any number of times."""

    def __init__(
        self,
        *,
        index_photo: IndexPhoto,
        read_photo: ReadPhoto,
        limits: ImageLimits,
        unit_of_work: UnitOfWorkFactory,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        """Over the parts that indexing takes.

        Args:
            index_photo: the use case.
            read_photo: reads a photo by its key.
            limits: what one may cost.
            unit_of_work: of the store.
            clock: for when a unit ends.
            pause: waits so many seconds.
        """
        self._index_photo = index_photo
        self._read_photo = read_photo
        self._limits = limits
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._pause = pause

    async def __call__(self, ref: UnitRef) -> None:
        """Do the unit; when this returns it has ended, by this call or before.

        Raises:
            DependencyUnavailable, Overloaded: it is to be handed out again later.
        """
        unit = await self._patiently(lambda: self._begin(ref))
        if unit is None:
            return
        if unit.attempts > MAX_ATTEMPTS:
            await self._give_up(
                unit, FacePassError.code, f"It was begun {MAX_ATTEMPTS} times and never came to an end."
            )
            return
        try:
            await self._patiently(lambda: self._index(unit))
        except (NoFaceDetected, UnitEnded):
            return
        except (DependencyUnavailable, Overloaded) as error:
            if self._clock.now() - unit.requested_at >= GIVEN_UP_AFTER:
                await self._give_up(unit, error.code, error.detail)
                return
            await self._put_back(ref)
            raise
        except FacePassError as error:
            await self._give_up(unit, error.code, error.detail)
        except asyncio.CancelledError:
            await asyncio.shield(self._put_back(ref))
            raise

    async def _begin(self, ref: UnitRef) -> JobUnit | None:
        async def work(transaction: UnitOfWork) -> JobUnit | None:
            return await transaction.jobs.begin(ref, at=self._clock.now())

        return await self._unit_of_work.run(work)

    async def _index(self, unit: JobUnit) -> None:
        async def end(transaction: UnitOfWork, photo: Photo) -> None:
            ended = await transaction.jobs.finish(
                unit.ref,
                faces_detected=photo.faces_detected,
                faces_indexed=len(photo.templates),
                at=self._clock.now(),
            )
            if not ended:
                raise UnitEnded

        async with self._read_photo.open(unit.photo.key) as data:
            await self._index_photo(
                unit.session_id,
                unit.photo.photo_id,
                data,
                self._limits,
                source_key=unit.photo.key,
                kind=WorkKind.JOB,
                requested_at=unit.requested_at,
                within=end,
            )

    async def _give_up(self, unit: JobUnit, code: str, detail: str) -> None:
        async def work(transaction: UnitOfWork) -> None:
            await transaction.jobs.fail(unit.ref, code, detail, at=self._clock.now())

        await self._patiently(lambda: self._unit_of_work.run(work))

    async def _put_back(self, ref: UnitRef) -> None:
        async def work(transaction: UnitOfWork) -> None:
            await transaction.jobs.put_back(ref)

        with suppress(FacePassError, TimeoutError):  # one attempt too many is no harm
            async with asyncio.timeout(PUT_BACK_TIMEOUT_S):
                await self._unit_of_work.run(work)

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of `work`, tried again while something that it needs is out of reach, up to `HELD_FOR_S`."""
        since_s = self._clock.elapsed_s()
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return await work()
            except (DependencyUnavailable, Overloaded):
                if self._clock.elapsed_s() - since_s >= HELD_FOR_S:
                    raise
            await self._pause(pause_s)
            pause_s = min(MAX_PAUSE_S, 2 * pause_s)
