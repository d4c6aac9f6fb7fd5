from datetime import UTC, datetime
from pathlib import Path

import pytest

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.cli.folder import PhotoFile
from facepass.entrypoints.cli.journal import Journal, journal_path
from facepass.entrypoints.http.schemas import SessionStatus

PHOTO = PhotoFile(Path("/photos/a.jpg"), "a.jpg", 10, 1)
OTHER = PhotoFile(Path("/photos/b.jpg"), "b.jpg", 20, 2)


def numbers(photos=1, faces=3, second=0, model="m"):
    return SessionStatus("s", True, photos, faces, 0, datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC), model)


def run(path, *photos, status=None):
    with Journal(path) as journal:
        for photo in photos:
            journal.record(photo)
        if status is not None:
            journal.close_run(status)


def test_a_finished_photo_is_known_to_the_next_run_while_its_file_is_the_same(tmp_path):
    path = tmp_path / "index/j.jsonl"
    run(path, PHOTO)

    with Journal(path) as journal:
        assert journal.is_unchanged(PHOTO)
        assert not journal.is_unchanged(OTHER)
        assert not journal.is_unchanged(PhotoFile(PHOTO.path, "a.jpg", 10, 2))
        assert not journal.is_unchanged(PhotoFile(PHOTO.path, "a.jpg", 11, 1))
        assert not journal.is_unchanged(PhotoFile(Path("/elsewhere/a.jpg"), "a.jpg", 10, 1))


def test_only_the_numbers_the_last_run_ended_with_prove_anything(tmp_path):
    path = tmp_path / "j.jsonl"
    run(path, PHOTO, status=numbers())

    with Journal(path) as journal:
        assert journal.proves(numbers())
        for changed in (numbers(photos=2), numbers(faces=4), numbers(second=1), numbers(model="n")):
            assert not journal.proves(changed)


def test_a_run_that_died_leaves_no_proof(tmp_path):
    path = tmp_path / "j.jsonl"
    run(path, PHOTO, status=numbers())
    run(path, OTHER)

    with Journal(path) as journal:
        assert journal.is_unchanged(OTHER)
        assert not journal.proves(numbers())


def test_a_session_with_fewer_photos_than_were_indexed_proves_nothing(tmp_path):
    path = tmp_path / "j.jsonl"
    run(path, PHOTO, OTHER, status=numbers(photos=1))

    with Journal(path) as journal:
        assert not journal.proves(numbers(photos=1))


def test_a_torn_last_line_costs_that_line_only(tmp_path):
    path = tmp_path / "j.jsonl"
    run(path, PHOTO, OTHER)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])

    run(path, OTHER)

    with Journal(path) as journal:
        assert journal.is_unchanged(PHOTO)
        assert journal.is_unchanged(OTHER)


def test_forgetting_starts_over_on_disk_too(tmp_path):
    path = tmp_path / "j.jsonl"
    run(path, PHOTO, status=numbers())
    with Journal(path) as journal:
        journal.forget()
        assert not journal.proves(numbers())
        journal.record(OTHER)

    with Journal(path) as journal:
        assert not journal.is_unchanged(PHOTO)
        assert journal.is_unchanged(OTHER)


def test_services_and_sessions_do_not_share_journals(tmp_path):
    paths = {
        journal_path(tmp_path, service=service, session_id=session)
        for service, session in (("a", "b"), ("a", "c"), ("b", "b"), ("ab", ""), ("a", '"b'))
    }

    assert len(paths) == 5


def test_a_folder_that_cannot_be_written_is_a_configuration_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ConfigurationError, match="DATA_DIR"), Journal(tmp_path / "file" / "j.jsonl"):
        pass
