"""A change of model that is killed, and whose database is killed, again and again, while photos are being indexed."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import numpy as np
import pytest

from facepass.application.change_model import GetChangeStatus, RollBackChange
from facepass.domain.embedding import Embedding
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.gallery import ModelChange, PhotoId
from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.container import Container
from facepass.entrypoints.lifespan import running
from tests.chaos_support import LOOK_EVERY_S, MOMENT_TIMEOUT_S, Victim, kill_postmaster, kills_asked_for, moment
from tests.integration.chaos import reembedding
from tests.integration.chaos.reembedding import BEGUN, FORMER, NEW, SESSION
from tests.scenes import scene

KILLS = kills_asked_for()
PHOTOS = 150
PHOTOS_PER_KILL = 6
"""The change has come so much further with every kill; so many leave it time to be killed before it ends."""
MOST_LOOKS = 4
NEW_PER_ROUND, AGAIN_PER_ROUND = 3, 2

COUNTS = """
    SELECT s.face_count, s.other_face_count,
        count(*) FILTER (WHERE f.model_pk = s.model_pk) AS faces,
        count(*) FILTER (WHERE f.model_pk = s.other_model_pk) AS other_faces,
        (SELECT count(*) FROM photos p WHERE p.session_pk = s.pk) AS photos,
        (SELECT count(*) FROM photos p WHERE p.session_pk = s.pk AND p.faces_indexed <> (
            SELECT count(*) FROM faces g
            WHERE g.session_pk = p.session_pk AND g.model_pk = p.model_pk AND g.photo_pk = p.pk)) AS half
    FROM sessions s JOIN faces f ON f.session_pk = s.pk GROUP BY s.pk
"""


def people_of(number: int) -> tuple[int, ...]:
    """1 to 3 people, of whom each is in several photos."""
    return tuple(1 + (number + 17 * place) % 61 for place in range(1 + number % 3))


class Studio:
    """A session of scenes, whose pictures lie in a folder.

    Attributes:
        numbers: of all photos that were indexed.
    """

    def __init__(self, container: Container, folder: Path) -> None:
        self.container = container
        self.folder = folder
        self.numbers: set[int] = set()

    async def index(self, number: int) -> None:
        """Index a photo, again and again while the database is away."""
        data = scene(*people_of(number))
        (self.folder / f"photo {number}").write_bytes(data)
        async with asyncio.timeout(MOMENT_TIMEOUT_S):
            while True:
                try:
                    await self.container.index_photo()(
                        SESSION, PhotoId(f"photo {number}"), data, self.container.upload_limits()
                    )
                except DependencyUnavailable:
                    await asyncio.sleep(LOOK_EVERY_S)
                else:
                    break
        self.numbers.add(number)

    async def index_round(self, round_no: int) -> None:
        """Some photos nobody has seen, and some once more."""
        for place in range(NEW_PER_ROUND):
            await self.index(PHOTOS + NEW_PER_ROUND * round_no + place)
        for place in range(AGAIN_PER_ROUND):
            await self.index((37 * round_no + 11 * place) % PHOTOS)

    async def built(self) -> int:
        """Of the first photos, how many the new model has; -1 while the database is away."""
        try:
            status = await GetChangeStatus(unit_of_work=self.container.unit_of_work())(SESSION)
        except DependencyUnavailable:
            return -1
        return 0 if status.change is None else PHOTOS - status.pending

    async def go_back(self) -> None:
        """Undo a change that was done too soon."""
        await RollBackChange(unit_of_work=self.container.unit_of_work(), clock=self.container.clock())(SESSION)

    async def assert_changed(self) -> None:
        """See that the new model serves every face of every photo once, and that the former one's are kept."""
        status = await GetChangeStatus(unit_of_work=self.container.unit_of_work())(SESSION)
        faces = sum(len(people_of(number)) for number in self.numbers)
        assert (status.model, status.other, status.change) == (NEW.model_id, FORMER.model_id, ModelChange.SWITCHED)
        assert (status.photos, status.faces, status.pending) == (len(self.numbers), faces, 0)
        async with self.container.unit_of_work()() as unit:
            for number in self.numbers:
                photo = await unit.galleries.photo(SESSION, PhotoId(f"photo {number}"))
                assert photo is not None
                assert photo.faces_detected == len(photo.templates)
                seen = Counter(person_in(template.embedding) for template in photo.templates)
                assert seen == Counter(people_of(number))
        connection = await asyncpg.connect(self.container.database_url())
        try:
            counts = await connection.fetchrow(COUNTS)
        finally:
            await connection.close()
        assert counts is not None
        assert set(dict(counts).values()) == {faces, 2 * len(self.numbers), 0}
        assert {counts[name] for name in ("face_count", "other_face_count", "faces", "other_faces")} == {faces}
        assert (await self.container.check_audit()(known_head=None)).sound


def directions() -> "np.ndarray[tuple[int, int], np.dtype[np.float32]]":
    """What the new model makes of each person."""
    raw = [np.random.default_rng(person).standard_normal(NEW.dimension) for person in range(1, 62)]
    return np.stack([Embedding.normalised(NEW.model_id, one).vector for one in raw])


def person_in(template: Embedding) -> int:
    """Whose template of the new model it is, beyond doubt."""
    cosines = directions() @ template.vector
    best = int(cosines.argmax())
    assert cosines[best] > 0.999
    return best + 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pictures").mkdir()
    return tmp_path / "pictures"


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
def changing(tmp_path: Path, folder: Path) -> Iterator[Callable[..., Victim]]:
    """Makes the process that changes the model."""
    made: list[Victim] = []

    def make(**variables: str) -> Victim:
        here = {"PYTHONPATH": str(Path(__file__).parents[3])}
        made.append(Victim(["-m", reembedding.__name__, str(folder)], {**here, **variables}, tmp_path))
        return made[-1]

    yield make
    for victim in made:
        victim.stop()


async def studio(stack: AsyncExitStack, folder: Path, monkeypatch: pytest.MonkeyPatch, **variables: str) -> Studio:
    """A session of `PHOTOS` photos, on the database that the variables name, open to the end of the test."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    container = reembedding.scenes_container(FORMER, NEW)
    await stack.enter_async_context(running(container, progress=lambda _: None))
    opened = Studio(container, folder)
    for number in range(PHOTOS):
        await opened.index(number)
    return opened


async def kill_often(opened: Studio, victim: Victim, kill: Callable[[], bool], *, seed: int) -> None:
    """Kill at random moments of the change while photos are being indexed, then let it come to its end."""
    moments = random.Random(seed)  # noqa: S311 - moments, not secrets
    kills = rounds = kills_before = 0
    while kills < KILLS:
        victim.start()
        indexing = asyncio.create_task(opened.index_round(rounds))
        rounds += 1
        built, looks = (kills - kills_before) * PHOTOS_PER_KILL, moments.randrange(MOST_LOOKS)

        async def reached(built: int = built) -> bool:
            return victim.words().count(BEGUN) == victim.starts and await opened.built() >= built

        if await moment(reached, victim, looks=looks):
            kills += kill()
        await indexing
        if victim.exit_code == ExitCode.OK:  # the machine looked away for too long: once more from the beginning
            kills_before = kills
            await opened.go_back()
        else:
            assert victim.exit_code in {None, -signal.SIGKILL, ExitCode.UNAVAILABLE}, victim.words()
    victim.start()
    while await victim.end() == ExitCode.UNAVAILABLE:
        victim.start()
    assert victim.exit_code == ExitCode.OK, victim.words()
    assert len(opened.numbers) == PHOTOS + NEW_PER_ROUND * rounds
    await opened.assert_changed()


async def test_a_change_of_model_that_is_killed_again_and_again(
    changing: Callable[..., Victim],
    stack: AsyncExitStack,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    database_url: str,
) -> None:
    opened = await studio(stack, folder, monkeypatch, DATABASE_URL=database_url)
    victim = changing(DATABASE_URL=database_url)

    def kill() -> bool:
        victim.kill()
        return True

    await kill_often(opened, victim, kill, seed=22)
    assert victim.starts > KILLS


async def test_a_change_of_model_whose_database_is_killed_again_and_again(
    changing: Callable[..., Victim],
    stack: AsyncExitStack,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    used_data_dir: Path,
) -> None:
    opened = await studio(stack, folder, monkeypatch, DATA_DIR=str(used_data_dir))
    victim = changing(DATA_DIR=str(used_data_dir))
    await kill_often(opened, victim, lambda: kill_postmaster(used_data_dir), seed=23)
