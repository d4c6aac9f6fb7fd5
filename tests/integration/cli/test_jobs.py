"""Jobs from the command line: made from a bucket, watched, repeated and stopped."""

import json

import pytest


@pytest.fixture
def bucket(object_store, photos):
    """A bucket with three photos of each of three people, something that is no picture, and one that is broken."""
    pictures = {f"gala/{path.relative_to(photos)}": path.read_bytes() for path in photos.glob("*/*.png")}
    object_store.put("photos", {**pictures, "gala/notes.txt": b"-", "broken/a.jpg": b"no picture"})
    address = object_store.address
    return {
        "S3_BUCKET": "photos",
        "S3_ENDPOINT": address.endpoint,
        "S3_ACCESS_KEY": address.access_key,
        "S3_SECRET_KEY": address.secret_key,
    }


@pytest.fixture
def run(facepass, database_url, models_dir, bucket):
    """Runs a command on the database and the bucket; its JSON answer."""

    def run(*arguments, expect=0, **variables):
        settings = {"DATABASE_URL": database_url, "MODELS_DIR": models_dir, **bucket, **variables}
        done = facepass(*arguments, "--json", **settings)
        assert done.returncode == expect, done.stderr
        told = done.stdout or done.stderr.splitlines()[-1]
        return json.loads(told) if told.startswith(("{", "[")) else done.stderr

    return run


def test_a_bucket_is_indexed_while_one_watches(run):
    (job,) = run("index", "s3://photos/gala/", "--session", "gala", "--id-from", "path")
    assert (job["state"], job["done"], job["failed"]) == ("finished", 9, 0)
    assert run("status", "--session", "gala")["photo_count"] == 9
    (broken,) = run("index", "s3://photos/broken/", "--session", "gala", expect=1)
    assert [(error["photo_id"], error["code"]) for error in broken["errors"]] == [("a.jpg", "unsupported_image")]
    listed = run("jobs", "list")
    assert [one["job_id"] for one in listed["jobs"]] == [broken["job_id"], job["job_id"]]
    assert run("jobs", "show", broken["job_id"], expect=1)["failed"] == 1


def test_a_job_in_the_background_waits_for_a_worker(run):
    (job,) = run("index", "s3://photos/gala/1/", "--session", "gala", "--id-from", "name", "--async")
    assert (job["state"], job["total"]) == ("queued", 3)
    assert run("jobs", "list", "--session", "other")["jobs"] == []
    assert run("jobs", "cancel", job["job_id"])["cancelled"] == 3
    assert run("jobs", "retry", job["job_id"])["state"] == "cancelled"


@pytest.mark.parametrize(
    ("target", "how", "expect", "says"),
    [
        ("s3://elsewhere/gala/", {}, 2, "S3_BUCKET is 'photos'"),
        ("s3://photos/none/", {}, 2, "holds no jpg"),
        ("s3://photos/gala/", {"--id-from": "name"}, 2, "would both be called"),
        ("s3://photos/gala/", {"S3_PREFIX": "other"}, 2, "not below S3_PREFIX"),
        ("s3://photos/gala/", {"S3_SECRET_KEY": "wrong"}, 3, "S3_SECRET_KEY"),
    ],
)
def test_what_makes_no_job(run, target, how, expect, says):
    options = [part for name, value in how.items() if name.startswith("-") for part in (name, value)]
    variables = {name: value for name, value in how.items() if not name.startswith("-")}
    answer = run("index", target, "--session", "gala", "--async", *options, expect=expect, **variables)
    assert says in " ".join(str(answer).split())
    assert run("jobs", "list")["jobs"] == []


def test_an_unknown_job_and_a_folder_in_the_background_are_refused(run, photos):
    assert run("jobs", "show", "0" * 32, expect=1)["code"] == "not_found"
    assert run("jobs", "show", "x", expect=2)["code"] == "invalid_request"
