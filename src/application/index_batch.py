"""Index many photos named by key. One bad photo never spoils the rest."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from facepass.application.index_photo import IndexedPhoto, IndexPhoto
from facepass.application.ports import ImageLimits, WorkKind
from facepass.application.read_photo import ReadPhoto
from facepass.domain.errors import DependencyUnavailable, FacePassError, NoFaceDetected, Overloaded
from facepass.domain.face import QualityReason
from facepass.domain.gallery import PhotoId, SessionId
from facepass.domain.job import PhotoToIndex, check_photos

OUTAGE = DependencyUnavailable.code
MOST_AT_ONCE = 16
"""Batches under way; their photos take turns, so more of them would only take longer each."""
RETRY_AFTER_S = 30
"""A batch takes minutes rather than seconds."""


@dataclass(frozen=True, slots=True)
class PhotoFailure:
    """A photo that could not be indexed, and why."""

    photo_id: PhotoId
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class IndexedBatch:
    """What indexing a batch did.

    Attributes:
        indexed: photos recorded, those without faces included.
        faces_refused: how many detected faces were too poor to be indexed, by what weighed most, most frequent first;
            every one counts once.
        without_faces: the photos in which no face was found, in the order given.
    """

    indexed: int
    failures: tuple[PhotoFailure, ...]
    faces_indexed: int
    faces_refused: Mapping[QualityReason, int]
    without_faces: tuple[PhotoId, ...]


class IndexBatch:
    """Reads photos from the image source and indexes them, a few at a time."""

    def __init__(
        self, *, index_photo: IndexPhoto, read_photo: ReadPhoto, limits: ImageLimits, max_photos: int, concurrency: int
    ) -> None:
        """For all batches of a service.

        Args:
            index_photo: does the work.
            read_photo: reads a photo by its key.
            limits: what a photo may cost.
            max_photos: in a batch.
            concurrency: photos of all batches together that are read or worked on at once.
        """
        self._index_photo = index_photo
        self._read_photo = read_photo
        self._limits = limits
        self._max_photos = max_photos
        self._concurrency = concurrency
        self._places = asyncio.Semaphore(concurrency)
        self._under_way = 0

    async def __call__(self, session_id: SessionId, photos: Sequence[PhotoToIndex]) -> IndexedBatch:
        """Index the batch.

        Raises:
            InvalidRequest: too many photos, or a photo named twice; nothing was stored.
            Overloaded: too many batches are under way; nothing was stored.
            DependencyUnavailable: the database; photos done until then stay, so sending the batch again completes it.
                Or the image source, for every single photo: nothing was stored.
        """
        check_photos(photos, most=self._max_photos)
        if self._under_way >= MOST_AT_ONCE:
            raise Overloaded("Too many batches are being indexed already.", retry_after_s=RETRY_AFTER_S)
        self._under_way += 1
        try:
            outcomes = await self._index_all(session_id, photos)
        finally:
            self._under_way -= 1
        with_faces = [outcome for outcome in outcomes if isinstance(outcome, IndexedPhoto)]
        failed = tuple(outcome for outcome in outcomes if isinstance(outcome, PhotoFailure))
        if failed and len(failed) == len(outcomes) and {failure.code for failure in failed} == {OUTAGE}:
            raise DependencyUnavailable("photos", failed[0].detail)
        refused = Counter(reason for photo in with_faces for reason in photo.refused_for)
        return IndexedBatch(
            indexed=len(outcomes) - len(failed),
            failures=failed,
            faces_indexed=sum(photo.faces_indexed for photo in with_faces),
            faces_refused=dict(refused.most_common()),
            without_faces=tuple(
                photo.photo_id for photo, outcome in zip(photos, outcomes, strict=True) if outcome is None
            ),
        )

    async def _index_all(
        self, session_id: SessionId, photos: Sequence[PhotoToIndex]
    ) -> list[IndexedPhoto | PhotoFailure | None]:
        # Each batch asks for a few places at a time, so that a small one does not wait for all of a large one.
        asked = asyncio.Semaphore(self._concurrency)

        async def one(photo: PhotoToIndex) -> IndexedPhoto | PhotoFailure | None:
            async with asked, self._places:
                return await self._index_one(session_id, photo)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(photo)) for photo in photos]
        except* DependencyUnavailable as failures:
            raise failures.exceptions[0] from failures
        return [task.result() for task in tasks]

    async def _index_one(self, session_id: SessionId, photo: PhotoToIndex) -> IndexedPhoto | PhotoFailure | None:
        """What was indexed, why nothing could be, or None for a photo without faces."""
        try:
            async with self._read_photo.open(photo.key) as data:
                return await self._index_photo(
                    session_id, photo.photo_id, data, self._limits, source_key=photo.key, kind=WorkKind.BATCH
                )
        except NoFaceDetected:
            return None
        except FacePassError as error:
            if isinstance(error, DependencyUnavailable) and error.dependency == "database":
                raise
            return PhotoFailure(photo.photo_id, error.code, error.detail)
