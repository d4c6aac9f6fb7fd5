import asyncio
import io

import pytest
from rich.console import Console

from facepass.domain.errors import DependencyUnavailable
from facepass.entrypoints.cli import views
from facepass.entrypoints.cli.folder import IdFrom, photos_in
from facepass.entrypoints.cli.indexing import FolderIndexer, Observer
from facepass.entrypoints.cli.journal import Journal
from facepass.entrypoints.client.local import LocalService
from facepass.entrypoints.client.service import SearchOptions
from facepass.entrypoints.container import in_memory
from tests.scenes import scene

MAX_BYTES = 100_000


class After(Observer):
    """Sets an event after so many photos."""

    def __init__(self, photos, event):
        self.photos, self.event = photos, event

    def advanced(self, tally):
        if tally.finished >= self.photos:
            self.event.set()


class Nobody(Observer):
    def advanced(self, tally):
        pass


@pytest.fixture
def index(tmp_path, folder, service):
    """Runs the indexer as the command does, by default over the whole folder."""

    async def run(service=service, *, stop_after=None, concurrency=2, session="s", max_bytes=MAX_BYTES):
        stop = asyncio.Event()
        with Journal(tmp_path / f"{session}.jsonl") as journal:
            indexer = FolderIndexer(
                service=service,
                session_id=session,
                journal=journal,
                concurrency=concurrency,
                max_photo_bytes=max_bytes,
                observer=Nobody() if stop_after is None else After(stop_after, stop),
            )
            return await indexer.run(photos_in(folder, IdFrom.PATH), stop)

    return run


async def test_a_folder_is_indexed_and_counted(index, service):
    report = await index()

    assert (report.photos, report.indexed, report.skipped, report.failed, report.remaining) == (3, 3, 0, 0, 0)
    assert (report.faces_detected, report.faces_indexed, report.without_faces) == (3, 3, 1)
    assert not report.interrupted
    found = await service.search("s", [scene(1)], SearchOptions())
    assert [match.photo_id for match in found.matches] == ["a.jpg", "b.jpg"]


async def test_refused_faces_are_counted_by_reason_and_shown(index, folder):
    (folder / "far.jpg").write_bytes(scene(5, 6, 7, size=20))

    report = await index()

    assert (report.faces_detected, report.faces_indexed, report.faces_refused) == (6, 4, {"too_small": 2})
    console = Console(width=80, file=io.StringIO())
    console.print(views.indexed(report, None))
    assert "faces refused  mostly because\n            2  too small" in console.file.getvalue()


async def test_a_second_run_passes_over_what_is_stored_and_unchanged(index, folder):
    await index()
    (folder / "a.jpg").write_bytes(scene(1, 2, 3))
    (folder / "d.jpg").write_bytes(scene(4))

    report = await index()

    assert (report.photos, report.indexed, report.skipped) == (4, 2, 2)


async def test_a_stopped_run_is_taken_up_where_it_ended(index):
    first = await index(stop_after=1, concurrency=1)
    second = await index()

    assert (first.indexed, first.remaining, first.interrupted) == (1, 2, True)
    assert (second.indexed, second.skipped, second.interrupted) == (2, 1, False)


async def test_after_the_session_was_deleted_everything_is_indexed_again(index, service):
    await index()
    await service.delete("s")

    report = await index()

    assert (report.indexed, report.skipped) == (3, 0)


async def test_a_photo_that_is_no_longer_stored_is_never_skipped(index, service):
    """Somebody deleted the session and filled it with as many other photos: the numbers alone would not tell."""
    await index()
    await service.delete("s")
    for number in range(5):
        await service.index("s", f"other-{number}", scene(9))
    await service.index("s", "a.jpg", scene(1))

    report = await index()

    assert (report.indexed, report.skipped) == (2, 1)


async def test_another_session_has_a_journal_of_its_own(index):
    await index()

    report = await index(session="t")

    assert (report.indexed, report.skipped) == (3, 0)


async def test_failures_are_grouped_and_listed_and_tried_again(index, folder):
    (folder / "bad.jpg").write_bytes(b"no scene")
    (folder / "large.jpg").write_bytes(scene(1) + b" " * MAX_BYTES)

    first, second = await index(), await index()

    assert first.failed == second.failed == 2
    assert first.failure_reasons == {"unsupported_image": 1, "payload_too_large": 1}
    assert [(failure.photo_id, failure.code) for failure in first.failures] == [
        ("bad.jpg", "unsupported_image"),
        ("large.jpg", "payload_too_large"),
    ]
    assert (second.indexed, second.skipped) == (0, 3)


async def test_an_error_that_every_photo_would_meet_ends_the_run(index, settings):
    class Cut(LocalService):
        """Loses its database after the first photo."""

        calls = 0

        async def index(self, session_id, photo_id, data):
            self.calls += 1
            if self.calls > 1:
                raise DependencyUnavailable("database", "The database is out of reach.")
            return await super().index(session_id, photo_id, data)

    container = in_memory(settings)
    cut = Cut(container)

    with pytest.raises(DependencyUnavailable):
        await index(cut, concurrency=1)

    assert cut.calls == 2
    report = await index(LocalService(container))
    assert (report.indexed, report.skipped) == (2, 1)
