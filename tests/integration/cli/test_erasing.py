"""Erasing and the audit trail on the command line: processes, PostgreSQL, models, pictures."""

import json

import asyncpg
import pytest

USAGE, REFUSED = 2, 1


@pytest.fixture
def gala(on_database, photos):
    """A session of nine photos, three of each of three people."""
    assert on_database("index", photos, "--session", "gala")["indexed"] == 9
    return "gala"


def test_a_photo_and_a_person_are_erased_and_the_trail_proves_it(on_database, photos, gala):
    selfie = photos.parent / "selfie-2.png"
    photo = on_database("delete", "--session", gala, "--photo", "1/1.png", "--yes")
    shown = on_database("forget", selfie, "--session", gala, "--dry-run")
    person = on_database("forget", selfie, "--session", gala, "--yes")
    left = on_database("search", selfie, "--session", gala)
    status = on_database("status", "--session", gala)
    refused = on_database("forget", selfie, "--session", "unknown", "--yes", expect=REFUSED)
    trail = on_database("audit", "show", "--session", gala, "--last", "2")
    nothing = on_database("audit", "show", "--session", "unknown")
    check = on_database("audit", "verify")

    assert (photo["photo_id"], photo["photos_removed"], photo["embeddings_removed"]) == ("1/1.png", 1, 1)
    assert {match["photo_id"] for match in shown["matches"]} == {"2/1.png", "2/2.png", "2/3.png"}
    assert (person["faces_removed"], left["total_matches"]) == (3, 0)
    assert (status["photo_count"], status["face_count"]) == (8, 5)
    assert refused["code"] == "not_found"
    assert [json.loads(record["entry"])["receipt"] for record in trail] == [photo["receipt"], person["receipt"]]
    assert nothing == []
    assert (check["sound"], check["entries"], check["broken_at"], check["head"]) == (True, 11, None, trail[-1]["hash"])


def test_a_photo_without_a_name_is_not_the_session(on_database, gala):
    assert on_database("delete", "--session", gala, "--photo", "", "--yes", expect=USAGE)["code"] == "invalid_request"
    assert on_database("status", "--session", gala)["photo_count"] == 9


async def test_a_trail_that_was_tampered_with_ends_with_1(facepass, database_url):
    def audit(*arguments):
        return facepass("audit", *arguments, DATABASE_URL=database_url)

    assert facepass("delete", "--session", "s", "--yes", DATABASE_URL=database_url).returncode == 0
    assert facepass("delete", "--session", "t", "--yes", DATABASE_URL=database_url).returncode == 0
    head = json.loads(audit("verify", "--json").stdout)["head"]
    whole, known = audit("verify"), audit("verify", "--head", head)
    wrong, unknown = audit("verify", "--head", "abc"), audit("verify", "--head", "00" * 32)
    shown = audit("show")
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
    await connection.execute("UPDATE audit SET entry = replace(entry, 'session_erased', 'photo_erased') WHERE no = 2")
    await connection.close()
    broken = audit("verify")

    assert (whole.returncode, whole.stdout) == (0, f"Whole: 2 entries, head {head}\n")
    assert (known.returncode, known.stdout.splitlines()[1]) == (0, "The head given is that of entry 2.")
    assert (unknown.returncode, unknown.stdout.splitlines()[1]) == (REFUSED, "The head given is not in the trail.")
    assert wrong.returncode == USAGE
    assert [line.split()[0::2][:2] for line in shown.stdout.splitlines()] == [
        ["1", "session_erased"],
        ["2", "session_erased"],
    ]
    assert (broken.returncode, broken.stdout.split(";")[0]) == (REFUSED, "BROKEN at entry 2 of 2")
