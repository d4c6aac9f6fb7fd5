"""`facepass db reembed` as an operator runs it: processes, PostgreSQL, models, pictures."""

import asyncio
import json
import signal
import subprocess
import sys

import pytest

from tests.fixtures_postgres import ask
from tests.integration.cli.conftest import TIMEOUT_S

REFUSED, USAGE, CONFIGURATION, UNAVAILABLE, INTERRUPTED = 1, 2, 3, 4, 130
OLD, NEW = "dlib-resnet29-int8", "dlib-resnet29-fp32"
NOBODY = "postgresql://facepass@127.0.0.1:1/facepass"
MANY = 150
BUILT = "SELECT count(*) FROM photos p JOIN sessions s ON s.pk = p.session_pk WHERE p.model_pk = s.other_model_pk"


@pytest.fixture
def reembed(on_database):
    """Runs `db reembed`; the sessions of its answer."""

    def run(*arguments, expect=0):
        return on_database("db", "reembed", *arguments, expect=expect)["sessions"]

    return run


def found(on_database, photos, session="gala"):
    answer = on_database("search", photos.parent / "selfie-2.png", "--session", session)
    return {match["photo_id"]: match["cosine"] for match in answer["matches"]}


def stands(report):
    return report["model"], report["other"], report["change"], report["pending"]


def test_a_session_is_built_switched_checked_rolled_back_and_finished(on_database, reembed, photos):
    on_database("index", photos, "--session", "gala")
    before = found(on_database, photos)

    (built,) = reembed("--session", "gala", "--to", NEW, "--photos", photos, "--no-switch")
    (asked,) = reembed("--session", "gala", "--status")
    while_built = found(on_database, photos)
    (switched,) = reembed("--session", "gala", "--to", NEW, "--photos", photos)
    after = found(on_database, photos)
    (back,) = reembed("--session", "gala", "--rollback")
    rolled_back = found(on_database, photos)
    reembed("--session", "gala", "--to", NEW, "--photos", photos)
    (finished,) = reembed("--session", "gala", "--finish")

    assert stands(built) == (OLD, NEW, "building", 0)
    assert (built["rebuilt"], built["faces_rebuilt"], built["faces_lost"]) == (9, 9, 0)
    assert stands(asked) == stands(built)
    assert while_built == before
    assert (*stands(switched), switched["rebuilt"], switched["faces"]) == (NEW, OLD, "switched", 0, 0, 9)
    assert after.keys() == before.keys()
    assert after != before
    assert stands(back) == (OLD, None, None, 0)
    assert rolled_back == before
    assert stands(finished) == (NEW, None, None, 0)
    assert found(on_database, photos) == after
    assert on_database("status", "--session", "gala")["model"] == NEW


def test_missing_photos_block_the_switch_and_may_be_left_out(on_database, reembed, photos, tmp_path):
    on_database("index", photos, "--session", "gala")
    incomplete = tmp_path / "incomplete"
    incomplete.mkdir()
    for person in ("1", "2"):
        (incomplete / person).symlink_to(photos / person)  # links are not followed: nothing is here
    (incomplete / "3").mkdir()
    for picture in sorted((photos / "3").iterdir()):
        (incomplete / "3" / picture.name).write_bytes(picture.read_bytes())
    arguments = ("--session", "gala", "--to", NEW, "--photos", incomplete)

    (blocked,) = reembed(*arguments, expect=REFUSED)
    (allowed,) = reembed(*arguments, "--allow-missing")

    assert stands(blocked) == (OLD, NEW, "building", 6)
    assert {failure["code"] for failure in blocked["failures"]} == {"not_found"}
    assert stands(allowed) == (NEW, OLD, "switched", 0)
    assert [photo["photo_id"] for photo in allowed["left_out"]] == [f"{p}/{n}.png" for p in "12" for n in "123"]
    assert found(on_database, photos) == {}


def test_all_sessions_are_changed_and_one_in_trouble_does_not_keep_the_others(on_database, reembed, photos, tmp_path):
    on_database("index", photos, "--session", "gala")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.png").write_bytes((photos / "1" / "1.png").read_bytes())
    on_database("index", elsewhere, "--session", "dinner")
    everything = ("--all", "--to", NEW, "--photos", photos)

    first = reembed(*everything, "--allow-missing", expect=REFUSED)
    again = reembed(*everything, expect=REFUSED)
    finished = reembed("--all", "--finish")
    rolled_back = reembed("--all", "--rollback")
    listed = reembed("--all", "--status")

    assert [(one["session_id"], one["error"] and one["error"]["code"]) for one in first] == [
        ("dinner", "conflict"),
        ("gala", None),
    ]
    assert [(one["session_id"], len(one["failures"])) for one in again] == [("dinner", 1)]
    assert [(one["session_id"], stands(one)) for one in finished] == [("gala", (NEW, None, None, 0))]
    assert [(one["session_id"], stands(one)) for one in rolled_back] == [("dinner", (OLD, None, None, 0))]
    assert [(one["session_id"], one["model"]) for one in listed] == [("dinner", OLD), ("gala", NEW)]


def test_ctrl_c_stops_after_the_photos_in_flight_and_the_next_run_does_the_rest(  # noqa: PLR0917 fixtures
    on_database, reembed, environment, database_url, models_dir, photos, tmp_path
):
    folder = tmp_path / "many"
    folder.mkdir()
    picture = (photos / "1" / "1.png").read_bytes()
    for number in range(MANY):
        (folder / f"{number:03}.png").write_bytes(picture)
    on_database("index", folder, "--session", "s")
    arguments = ["--session", "s", "--to", NEW, "--photos", str(folder)]
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "facepass", "db", "reembed", *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment | {"DATABASE_URL": database_url, "MODELS_DIR": str(models_dir)},
    )
    while not asyncio.run(ask(database_url, BUILT)):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)

    answer = json.loads(stdout)
    (stopped,) = answer["sessions"]
    (rest,) = reembed(*arguments)

    assert process.returncode == INTERRUPTED
    assert b"Traceback" not in stderr
    assert answer["interrupted"]
    assert stopped["rebuilt"] + stopped["pending"] == MANY
    assert (rest["rebuilt"], rest["change"]) == (stopped["pending"], "switched")


def test_what_cannot_be_done_is_said(facepass, on_database, database_url, models_dir, photos):
    on_database("index", photos / "1", "--session", "gala")
    variables = {"DATABASE_URL": database_url, "MODELS_DIR": models_dir}

    def run(*arguments, **others):
        done = facepass("db", "reembed", *arguments, **variables | others)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stderr + done.stdout

    assert run("--to", NEW)[0] == USAGE
    assert run("--session", "gala", "--all", "--to", NEW)[0] == USAGE
    assert run("--session", "gala")[0] == USAGE
    assert run("--session", "gala", "--rollback", "--finish")[0] == USAGE
    assert run("--session", "gala", "--finish", "--allow-missing")[0] == USAGE
    code, text = run("--session", "gala", "--to", "sface-2021dec")
    assert (code, "facepass models install sface-2021dec" in text) == (CONFIGURATION, True)
    code, text = run("--session", "gala", "--to", "nonsense")
    assert (code, "nonsense" in text) == (CONFIGURATION, True)
    assert run("--session", "nobody", "--status")[0] == REFUSED
    assert run("--session", "gala", "--finish")[0] == REFUSED
    assert run("--session", "gala", "--status", DATABASE_URL=NOBODY)[0] == UNAVAILABLE
    code, text = run("--session", "gala", "--to", OLD)
    assert (code, f"served by {OLD}" in text) == (0, True)
    code, text = run("--session", "gala", "--to", NEW, "--photos", photos)
    assert (code, text.count("No photo is stored under")) == (REFUSED, 3)
    code, text = run("--session", "gala", "--to", NEW, "--photos", photos / "1")
    assert (code, "--finish, or --rollback" in text) == (0, True)
