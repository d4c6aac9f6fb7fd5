"""The command line as a person or a script runs it: processes, PostgreSQL, models, pictures."""

import json
import signal
import socket
import subprocess
import sys

import pytest
from PIL import Image, ImageChops

from tests.integration.cli.conftest import TIMEOUT_S

USAGE, REFUSED, CONFIGURATION, UNAVAILABLE, INTERRUPTED = 2, 1, 3, 4, 130
NOBODY = "postgresql://facepass@127.0.0.1:1/facepass"


def test_a_folder_is_indexed_searched_and_erased(on_database, photos):
    report = on_database("index", photos, "--session", "gala")
    again = on_database("index", photos, "--session", "gala")
    found = on_database("search", photos.parent / "selfie-2.png", "--session", "gala")
    selfies = [photos.parent / "selfie-2.png", photos / "2" / "1.png"]
    together = on_database("search", *selfies, "--session", "gala")
    mixed = on_database("search", *selfies, photos.parent / "selfie-3.png", "--session", "gala", expect=REFUSED)
    status = on_database("status", "--session", "gala")
    erased = on_database("delete", "--session", "gala", "--yes")
    gone = on_database("status", "--session", "gala", expect=REFUSED)
    anew = on_database("index", photos, "--session", "gala")

    assert (report["indexed"], report["skipped"], report["failed"], report["faces_indexed"]) == (9, 0, 0, 9)
    assert (again["indexed"], again["skipped"]) == (0, 9)
    assert {match["photo_id"] for match in found["matches"]} == {"2/1.png", "2/2.png", "2/3.png"}
    assert {match["photo_id"] for match in together["matches"]} == {"2/1.png", "2/2.png", "2/3.png"}
    assert (len(found["query_faces"]), len(together["query_faces"])) == (1, 2)
    assert mixed["code"] == "ambiguous_selfie"
    assert mixed["detail"].startswith("Selfie 3 ")
    assert (status["photo_count"], status["face_count"]) == (9, 9)
    assert (erased["photos_removed"], erased["embeddings_removed"]) == (9, 9)
    assert gone["code"] == "not_found"
    assert (anew["indexed"], anew["skipped"]) == (9, 0)


def test_failures_are_listed_and_end_with_1(on_database, photos, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "good.png").write_bytes((photos / "1" / "1.png").read_bytes())
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    Image.new("RGB", (320, 240), "grey").save(folder / "empty.png")

    report = on_database("index", folder, "--session", "s", "--failures", "failed.jsonl", expect=REFUSED)

    assert (report["indexed"], report["without_faces"], report["failure_reasons"]) == (2, 1, {"unsupported_image": 1})
    (failure,) = [json.loads(line) for line in (tmp_path / "failed.jsonl").read_text().splitlines()]
    assert (failure["photo_id"], failure["code"]) == ("broken.jpg", "unsupported_image")


def test_ctrl_c_stops_after_the_photos_in_flight_and_the_next_run_does_the_rest(  # noqa: PLR0917 fixtures
    on_database, environment, database_url, models_dir, photos, tmp_path
):
    folder = tmp_path / "many"
    folder.mkdir()
    picture = (photos / "1" / "1.png").read_bytes()
    for number in range(400):
        (folder / f"{number:03}.png").write_bytes(picture)
    process = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "facepass", "index", str(folder), "--session", "s", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment | {"DATABASE_URL": database_url, "MODELS_DIR": str(models_dir)},
    )
    journals = tmp_path / "data" / "index"
    while not (journals.is_dir() and any(journal.stat().st_size for journal in journals.iterdir())):
        with pytest.raises(subprocess.TimeoutExpired):  # it is still at work
            process.wait(timeout=0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)

    report = json.loads(stdout)
    rest = on_database("index", folder, "--session", "s")

    assert process.returncode == INTERRUPTED
    assert b"Traceback" not in stderr
    assert report["interrupted"]
    assert report["indexed"] >= 1
    assert report["indexed"] + report["remaining"] == 400
    assert (rest["skipped"], rest["indexed"]) == (report["indexed"], report["remaining"])


def test_pictures_are_detected_drawn_and_compared_without_any_database(facepass, models_dir, photos, tmp_path):
    variables = {"DATABASE_URL": NOBODY, "MODELS_DIR": models_dir}
    first, second = photos / "1" / "1.png", photos / "1" / "2.png"

    detected = facepass("detect", first, "--draw", "out.png", "--json", **variables)
    same = facepass("compare", first, second, "--json", **variables)
    other = facepass("compare", first, photos / "2" / "1.png", "--json", **variables)

    answer = json.loads(detected.stdout)
    assert len(answer["faces"]) == 1
    with Image.open(tmp_path / "out.png") as drawn:
        assert drawn.size == (answer["image"]["width"], answer["image"]["height"])
        red, green, _ = drawn.convert("RGB").split()
        assert ImageChops.difference(red, green).getbbox() is not None, "the picture is grey, what is drawn is not"
    assert json.loads(same.stdout)["match"] is True
    assert json.loads(other.stdout)["match"] is False


def test_for_a_person_results_are_text(facepass, database_url, models_dir, photos):
    variables = {"DATABASE_URL": database_url, "MODELS_DIR": models_dir}
    indexed = facepass("index", photos, "--session", "[bold]s", **variables)
    found = facepass("search", photos.parent / "selfie-1.png", "--session", "[bold]s", **variables)
    status = facepass("status", "--session", "[bold]s", **variables)

    assert "9 found, 9 indexed, 0 already there" in indexed.stdout
    assert "1/1.png" in found.stdout
    assert "[bold]s" in status.stdout


def test_the_schema_goes_up_and_down(facepass, empty_database_url):
    def db(*arguments):
        done = facepass("db", *arguments, "--json", DATABASE_URL=empty_database_url)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    assert db("current") == {"revision": None}
    head = db("upgrade")
    assert head["changed"]
    assert db("upgrade") == {"changed": False, "revision": head["revision"]}
    assert all(step["applied"] for step in db("history"))
    assert db("downgrade", "base", "--yes") == {"changed": True, "revision": None}


def test_a_database_without_schema_is_told_how_to_get_one(facepass, empty_database_url):
    done = facepass("status", "--session", "s", DATABASE_URL=empty_database_url)

    assert done.returncode == CONFIGURATION
    assert "facepass db upgrade" in done.stderr


def test_a_database_out_of_reach_ends_with_4(facepass):
    done = facepass("status", "--session", "s", DATABASE_URL=NOBODY)

    assert done.returncode == UNAVAILABLE
    assert "Traceback" not in done.stderr


def test_a_service_that_is_not_there_ends_with_4(facepass):
    done = facepass("status", "--session", "s", "--url", "http://127.0.0.1:1")

    assert done.returncode == UNAVAILABLE
    assert "does not answer" in done.stderr


def test_doctor_finds_a_whole_installation_whole(facepass, database_url, models_dir):
    done = facepass("doctor", "--json", DATABASE_URL=database_url, MODELS_DIR=models_dir, API_KEYS="a-secret-of-ours-0")

    report = json.loads(done.stdout)
    states = {check["name"]: check["state"] for check in report["checks"]}
    settings = {setting["name"]: (setting["value"], setting["origin"]) for setting in report["settings"]}
    assert done.returncode == 0, done.stdout
    assert report["healthy"]
    for name in ("python", "litestar", "data folder", "models", "model check", "database", "pgvector", "schema"):
        assert states[name] in {"ok", "warn"}, name
    assert settings["DATABASE_URL"] == ("***", "DATABASE_URL")
    assert settings["API_PORT"] == ("8000", "default")
    assert "a-secret-of-ours" not in done.stdout


def test_doctor_says_what_is_wrong_and_what_to_do(facepass, tmp_path):
    done = facepass("doctor", "--json", DATABASE_URL=NOBODY, ENVIRONMENT="production")

    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == REFUSED
    for name in ("database", "SECRET_KEY", "JWT_SECRET_KEY"):
        assert checks[name]["state"] == "fail"
        assert checks[name]["remedy"]
    assert checks["models"]["state"] == "warn"
    assert not (tmp_path / "data").exists(), "doctor changes nothing"


def test_doctor_asks_the_bucket_of_photos(facepass, object_store):
    object_store.put("doctors-photos", {"a.jpg": b"photo"})
    bucket = {
        "S3_ENDPOINT": object_store.address.endpoint,
        "S3_ACCESS_KEY": object_store.address.access_key,
        "S3_BUCKET": "doctors-photos",
    }

    def check(secret):
        done = facepass("doctor", "--json", S3_SECRET_KEY=secret, **bucket)
        assert secret not in done.stdout
        checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
        return done.returncode, checks["photo source"]["state"], checks["photo source"]["detail"]

    assert check(object_store.address.secret_key) == (0, "ok", "bucket doctors-photos, all of it")
    assert check("not-the-one") == (REFUSED, "fail", "S3_SECRET_KEY is not the one that belongs to S3_ACCESS_KEY")


def test_doctor_reports_settings_that_cannot_be_read(facepass):
    done = facepass("doctor", "--json", API_PORT="many")

    (check,) = json.loads(done.stdout)["checks"]
    assert done.returncode == REFUSED
    assert "API_PORT" in check["detail"]


def test_the_description_of_the_api_is_json(facepass):
    assert json.loads(facepass("openapi").stdout)["openapi"].startswith("3.1")


def test_everything_works_through_a_running_service_too(  # noqa: PLR0917 fixtures
    facepass, environment, database_url, models_dir, photos, tmp_path
):
    (tmp_path / "key").write_text("a-key-for-tests-only\n")
    proxy = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:1")  # not for loopback
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    serving = environment | {
        "DATABASE_URL": database_url,
        "MODELS_DIR": str(models_dir),
        "API_KEYS_FILE": str(tmp_path / "key"),
    }
    service = subprocess.Popen(  # noqa: S603 our own program
        [sys.executable, "-m", "facepass", "serve", "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=serving,
    )
    try:
        assert any(f"listens on {url}" in line for line in service.stderr)

        def ask(*arguments, expect=0):
            done = facepass(*arguments, "--url", url, "--api-key-file", tmp_path / "key", "--json", **proxy)
            assert done.returncode == expect, done.stderr
            return json.loads(done.stdout or done.stderr)

        indexed = ask("index", photos, "--session", "a/b c")
        again = ask("index", photos, "--session", "a/b c")
        found = ask("search", photos.parent / "selfie-3.png", photos / "3" / "2.png", "--session", "a/b c")
        erased = ask("delete", "--session", "a/b c", "--yes")
        unknown = ask("status", "--session", "a/b c", expect=REFUSED)
        refused = facepass("index", photos, "--session", "s", "--url", url, "--json", FACEPASS_CLIENT_KEY="wrong")
    finally:
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=TIMEOUT_S)

    assert (indexed["indexed"], again["skipped"]) == (9, 9)
    assert {match["photo_id"] for match in found["matches"]} == {"3/1.png", "3/2.png", "3/3.png"}
    assert erased["photos_removed"] == 9
    assert unknown["code"] == "not_found"
    assert (refused.returncode, json.loads(refused.stderr)["code"]) == (REFUSED, "unauthorized")
    assert service.returncode == 0
