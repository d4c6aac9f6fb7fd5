"""Importing from a real database of the first generation, dirt included."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from facepass.adapters.first_generation.errors import ImportDisproved
from facepass.adapters.first_generation.mover import move, rehearse
from facepass.adapters.first_generation.undo import roll_back
from facepass.application.import_photos import Imported, LeftOut
from facepass.domain.errors import Conflict, DependencyUnavailable, NotFound
from facepass.domain.gallery import Photo, SessionId
from tests.fixtures_postgres import ask, run_sql
from tests.integration.first_generation.steps import (
    Killed,
    MemoryTarget,
    create_table,
    insert,
    insert_dirt,
    options,
    sound_row,
    source,
    unseen,
)

COPIES = "SELECT count(*) FROM pg_class WHERE relname LIKE 'face_embeddings_backup_%' AND relkind = 'r'"
OTHERS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database()
"""
CONTENT = "SELECT md5(string_agg(f::text, '' ORDER BY id)) FROM face_embeddings f"
REJECTED = {str(row): "no_session" for row in range(66, 72)} | {
    "72": "invalid_session",
    "73": "invalid_session",
    "74": "no_photo",
    "75": "invalid_photo",
    "76": "no_vector",
    "77": "zero_vector",
}
MERGED = {"1": "duplicate"} | {str(row): "superseded" for row in range(79, 89)}


@pytest.fixture
async def old_url(empty_database_url: str) -> str:
    """An old database with dirt."""
    await create_table(empty_database_url)
    await insert_dirt(empty_database_url)
    return empty_database_url


def listed(path: Path) -> dict[str, str]:
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert all(set(line) == {"row", "reason"} for line in lines)
    found = {line["row"]: line["reason"] for line in lines}
    assert len(found) == len(lines)
    return found


async def test_a_rehearsal_reports_and_changes_nothing(old_url: str, tmp_path: Path) -> None:
    before = await ask(old_url, CONTENT)
    report = await rehearse(source(old_url), options(tmp_path), unseen)
    assert report.dry_run
    assert report.backup is None
    assert (report.rows, report.faces, report.sessions) == (88, 65, 3)
    assert sum(report.rejected.values()) == len(REJECTED)
    assert sum(report.merged.values()) == len(MERGED)
    assert report.mended == {"normalised": 4, "confidence_clamped": 0, "confidence_missing": 1}
    assert report.photos_lost == 2
    assert listed(tmp_path / "rejects.jsonl") == REJECTED | MERGED
    assert await ask(old_url, CONTENT) == before
    assert await ask(old_url, "SELECT count(*) FROM pg_class WHERE relname LIKE 'face%' AND relkind = 'r'") == 1


async def test_an_import_moves_what_the_rehearsal_promised(old_url: str, tmp_path: Path) -> None:
    before = await ask(old_url, CONTENT)
    promised = await rehearse(source(old_url), options(tmp_path), unseen)
    target = MemoryTarget()
    report = await move(source(old_url), target, options(tmp_path), unseen)
    assert (report.faces, report.photos, report.sessions) == (promised.faces, promised.photos, promised.sessions)
    assert (target.faces, len(target.photos)) == (report.faces, report.photos)
    assert listed(tmp_path / "rejects.jsonl") == REJECTED | MERGED
    assert await ask(old_url, CONTENT) == before
    assert await ask(old_url, f"SELECT count(*) FROM {report.backup}") == 88  # noqa: S608 - our own name
    assert await ask(old_url, COPIES) == 1


@pytest.mark.parametrize("dies_late", [False, True])
async def test_killed_at_every_batch_it_ends_the_same(old_url: str, tmp_path: Path, dies_late: bool) -> None:
    whole, whole_path = MemoryTarget(), tmp_path / "whole"
    expected = await rehearse(source(old_url), options(whole_path), unseen)
    target = MemoryTarget(dies_late=dies_late)
    deaths = 0
    while True:
        target.dies_at = target.calls + 2  # one batch further each time, whatever it repeats
        try:
            report = await move(source(old_url), target, options(tmp_path), unseen)
            break
        except Killed:
            deaths += 1
            with (tmp_path / "rejects.jsonl").open("a") as file:
                file.write('{"row": "torn')  # as a death before the position was recorded leaves it
    assert deaths >= 5
    assert (report.faces, report.photos, report.rejected, report.merged, report.mended, report.photos_lost) == (
        *(expected.faces, expected.photos, expected.rejected, expected.merged, expected.mended, expected.photos_lost),
    )
    assert (target.faces, len(target.photos)) == (report.faces, report.photos)
    assert listed(tmp_path / "rejects.jsonl") == listed(whole_path / "rejects.jsonl")
    assert await ask(old_url, COPIES) == 1
    assert whole.photos == {}


async def test_a_lost_list_of_rejects_is_written_anew(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget(dies_at=6)
    with pytest.raises(Killed):
        await move(source(old_url), target, options(tmp_path), unseen)
    (tmp_path / "rejects.jsonl").unlink()
    report = await move(source(old_url), target, options(tmp_path), unseen)
    assert len(listed(tmp_path / "rejects.jsonl")) == len(REJECTED) + len(MERGED)
    assert target.faces == report.faces == 65


async def test_an_import_that_is_done_is_only_reported(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget()
    first = await move(source(old_url), target, options(tmp_path), unseen)
    calls = target.calls
    assert await move(source(old_url), target, options(tmp_path), unseen) == first
    assert target.calls == calls
    elsewhere = await move(source(old_url), target, options(tmp_path / "elsewhere"), unseen)
    assert elsewhere.rejects_path is None


async def test_a_table_that_was_written_to_is_told_and_imported_anew(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget(dies_at=3)
    with pytest.raises(Killed):
        await move(source(old_url), target, options(tmp_path), unseen)
    await insert(old_url, [sound_row(100, "session 1", "photo 100")])
    with pytest.raises(Conflict, match="all 88 rows of the copy are imported, but face_embeddings has 89"):
        await move(source(old_url), target, options(tmp_path), unseen)
    report = await move(source(old_url), target, options(tmp_path), unseen)
    assert (report.rows, target.faces) == (89, 66)
    assert await ask(old_url, COPIES) == 2


async def test_vectors_are_never_bound_to_two_models(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget(dies_at=3)
    with pytest.raises(Killed):
        await move(source(old_url), target, options(tmp_path), unseen)
    with pytest.raises(Conflict, match="imported as old-model, moving"):
        await move(source(old_url), target, options(tmp_path, session_from_event=True), unseen)


async def test_a_face_that_did_not_arrive_stops_the_import(old_url: str, tmp_path: Path) -> None:
    with pytest.raises(ImportDisproved, match=r"of \d+ faces that were moved, \d+ are stored"):
        await move(source(old_url), MemoryTarget(loses_a_face=True), options(tmp_path), unseen)


async def test_a_copy_that_shrank_stops_the_import(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget(dies_at=3)
    with pytest.raises(Killed):
        await move(source(old_url), target, options(tmp_path), unseen)
    copy = await ask(old_url, "SELECT backup FROM facepass_imports")
    await run_sql(old_url, f"DELETE FROM {copy} WHERE id = 1")  # noqa: S608 - our own name
    with pytest.raises(Conflict, match="has 87 rows instead of 88"):
        await move(source(old_url), target, options(tmp_path), unseen)
    await run_sql(old_url, f"DROP TABLE {copy}")
    with pytest.raises(Conflict, match="has 0 rows instead of 88"):
        await move(source(old_url), target, options(tmp_path), unseen)


async def test_photos_that_the_target_does_not_take_are_listed_row_by_row(old_url: str, tmp_path: Path) -> None:
    whole = await rehearse(source(old_url), options(tmp_path), unseen)
    target = MemoryTarget()
    target.refuses = {"photo 1": LeftOut.INDEXED_ANEW, "photo 61": LeftOut.OTHER_MODEL, "photo 64": LeftOut.ERASED}
    report = await move(source(old_url), target, options(tmp_path), unseen)
    refused = {reason: report.rejected[reason] for reason in ("indexed_anew", "other_model", "erased")}
    assert refused == {"indexed_anew": 2, "other_model": 1, "erased": 1}
    assert (report.faces, report.photos, report.photos_lost) == (whole.faces - 4, whole.photos - 3, whole.photos_lost)
    assert report.mended["normalised"] == whole.mended["normalised"] - 2
    listed_now = listed(tmp_path / "rejects.jsonl")
    assert {listed_now[row] for row in ("31", "78")} == {"indexed_anew"}
    assert (listed_now["1"], listed_now["61"], listed_now["64"]) == ("duplicate", "other_model", "erased")


async def test_the_session_comes_from_the_event_when_asked(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget()
    report = await move(source(old_url), target, options(tmp_path, session_from_event=True), unseen)
    assert report.rejected["no_session"] == 0
    assert {photo for session, photo in target.photos if session == "event"} == {f"photo {n}" for n in range(66, 72)}


async def test_a_rollback_takes_everything_back(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget()
    report = await move(source(old_url), target, options(tmp_path), unseen)
    before = await ask(old_url, CONTENT)
    rollback = await roll_back(source(old_url), target, unseen)
    assert (rollback.backups, rollback.faces_moved, rollback.faces_removed) == ((report.backup,), 65, 65)
    assert target.photos == {}
    assert await ask(old_url, CONTENT) == before
    assert await ask(old_url, COPIES) == 1
    with pytest.raises(NotFound):
        await roll_back(source(old_url), target, unseen)
    again = await move(source(old_url), target, options(tmp_path), unseen)
    assert again.backup != report.backup
    assert target.faces == 65


async def test_an_import_that_died_after_storing_is_taken_back_too(old_url: str, tmp_path: Path) -> None:
    target = MemoryTarget(dies_at=1, dies_late=True)
    with pytest.raises(Killed):
        await move(source(old_url), target, options(tmp_path), unseen)
    assert target.photos
    await roll_back(source(old_url), target, unseen)
    assert target.photos == {}


async def test_two_imports_at_once(old_url: str, tmp_path: Path) -> None:
    class Nested(MemoryTarget):
        async def revision(self, session_id: SessionId) -> int:
            with pytest.raises(Conflict, match="another import"):
                await move(source(old_url), MemoryTarget(), options(tmp_path / "other"), unseen)
            raise Killed

    with pytest.raises(Killed):
        await move(source(old_url), Nested(), options(tmp_path), unseen)


async def test_a_connection_that_dies_on_the_way(old_url: str, tmp_path: Path) -> None:
    class Outage(MemoryTarget):
        async def store(self, session_id: SessionId, photos: Sequence[Photo], *, since: int) -> Imported:
            imported = await super().store(session_id, photos, since=since)
            if self.calls == 4:
                await ask(old_url, OTHERS)
            return imported

    target = Outage()
    with pytest.raises(DependencyUnavailable, match="old database"):
        await move(source(old_url), target, options(tmp_path), unseen)
    report = await move(source(old_url), target, options(tmp_path), unseen)
    assert target.faces == report.faces == 65
    assert await ask(old_url, COPIES) == 1


async def test_a_crowd_in_one_photo_stays_within_bounds(empty_database_url: str, tmp_path: Path) -> None:
    await create_table(empty_database_url)
    await insert(empty_database_url, [sound_row(n, "session", "crowd") for n in range(1, 1203)])
    await insert(empty_database_url, [sound_row(n, "session", "later") for n in range(2000, 2003)])
    target = MemoryTarget()
    report = await move(source(empty_database_url), target, options(tmp_path, batch_rows=100), unseen)
    assert report.rejected["too_many_faces"] == 202
    assert set(listed(tmp_path / "rejects.jsonl")) == {str(n) for n in range(1001, 1203)}
    assert target.faces == report.faces == 1003
    assert report.photos_lost == 0


async def test_progress_is_told(old_url: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    await move(source(old_url), MemoryTarget(), options(tmp_path), lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (88, 88)
