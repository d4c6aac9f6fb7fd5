"""What the photo site and its visitors do, over HTTP: index every photo, search with every selfie."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from facepass.domain.errors import Conflict, FacePassError, Forbidden, NoFaceDetected, NotFound, Unauthorized
from facepass.domain.face import BoundingBox
from facepass.entrypoints.client.problems import OutOfReach
from facepass.entrypoints.client.service import SearchOptions, Service
from facepass.entrypoints.demo.measure import box_of
from facepass.entrypoints.demo.people import PEOPLE, name
from facepass.entrypoints.demo.photos import DemoSession
from facepass.entrypoints.demo.scene import PhotoPlan
from facepass.entrypoints.http import schemas

INDEX_CONCURRENCY = 4
"""Photos under way at once: enough to keep the service busy, far below the places it has."""
WARM_UP_SEARCHES = 3
MAX_MATCHES = 1000
HOPELESS = (Unauthorized, Forbidden, Conflict, OutOfReach)
"""What is wrong with every photo if it is wrong with one."""

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class IndexRun:
    """What indexing answered.

    Attributes:
        detected: boxes by photo id; empty for a photo without faces, missing for one that failed.
        failed: photo id to what was wrong.
    """

    seconds: float = 0.0
    model: str = ""
    faces_indexed: int = 0
    detected: dict[str, list[BoundingBox]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class SearchRun:
    """What the searches answered: by person, an answer or why it was refused, and milliseconds at the client."""

    answers: dict[int, schemas.SearchResult | str] = field(default_factory=dict)
    total_ms: dict[int, float] = field(default_factory=dict)


async def index_session(
    service: Service, session_id: str, session: DemoSession, *, progress: Callable[[int, int, int], None]
) -> IndexRun:
    """Index all photos, `INDEX_CONCURRENCY` at a time.

    Args:
        service: where to.
        session_id: under which.
        session: the photos.
        progress: called with photos done, photos in all, faces found.

    Raises:
        FacePassError: one that no photo would escape; others are noted under `failed`.
    """
    run = IndexRun()
    waiting = iter(session.plan.photos)
    total = len(session.plan.photos)
    started = time.perf_counter()

    async def work() -> None:
        for photo in waiting:
            await _index(service, session_id, session, photo, run)
            faces = sum(len(boxes) for boxes in run.detected.values())
            progress(len(run.detected) + len(run.failed), total, faces)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(INDEX_CONCURRENCY):
                group.create_task(work())
    except* HOPELESS as errors:
        raise _first(errors) from None
    run.seconds = time.perf_counter() - started
    return run


async def _index(service: Service, session_id: str, session: DemoSession, photo: PhotoPlan, run: IndexRun) -> None:
    data = await asyncio.to_thread(session.photo(photo).read_bytes)
    try:
        answer = await service.index(session_id, photo.photo_id, data)
    except NoFaceDetected:
        run.detected[photo.photo_id] = []
    except HOPELESS:
        raise
    except FacePassError as error:
        run.failed[photo.photo_id] = f"{error.code}: {error.detail}"
    else:
        run.detected[photo.photo_id] = [box_of(face.box) for face in answer.faces]
        run.faces_indexed += answer.faces_indexed
        run.model = answer.model


def _first(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    one = errors.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one


async def search_all(
    service: Service, session_id: str, session: DemoSession, *, people: Sequence[int], progress: Progress
) -> SearchRun:
    """Search with one selfie after another, at the service's default threshold, after a few that do not count.

    Raises:
        FacePassError: one that no selfie would escape; others are that selfie's answer.
    """
    run = SearchRun()
    options = SearchOptions(limit=MAX_MATCHES)
    selfies = {person: await asyncio.to_thread(session.selfie(person).read_bytes) for person in people}
    for person in list(people)[:WARM_UP_SEARCHES]:
        await _search(service, session_id, selfies[person], options)
    for done, (person, selfie) in enumerate(selfies.items(), start=1):
        started = time.perf_counter()
        answer = await _search(service, session_id, selfie, options)
        run.total_ms[person] = 1e3 * (time.perf_counter() - started)
        run.answers[person] = answer
        progress(done, len(selfies))
    return run


async def _search(
    service: Service, session_id: str, selfie: bytes, options: SearchOptions
) -> schemas.SearchResult | str:
    try:
        return await service.search(session_id, [selfie], options)
    except (*HOPELESS, NotFound):
        raise
    except FacePassError as error:
        return f"{error.code}: {error.detail}"


async def indexed_photos(service: Service, session_id: str) -> int:
    """Photos recorded in a session; 0 for an unknown one."""
    try:
        return (await service.status(session_id)).photo_count
    except NotFound:
        return 0


def everybody() -> range:
    """All people of the demo."""
    return range(1, PEOPLE + 1)


def named(answers: dict[int, schemas.SearchResult | str]) -> dict[str, schemas.SearchResult]:
    """The answers that are no refusals, by name."""
    return {name(person): answer for person, answer in answers.items() if not isinstance(answer, str)}
