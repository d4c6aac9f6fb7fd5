"""What production refuses, as an operator meets it: told before, told all at once, and nothing begun."""

import json

REFUSED, CONFIGURATION = 1, 3
SOUND = {
    "API_KEYS": "Vr2mXk7qLw9ZtB4nHc6JdP3s",
    "SECRET_KEY": "mJ8xQ2vR5tY7uW3zK6nB9cD4fG1hL0pS",
    "JWT_SECRET_KEY": "T4gN7bV2cX9zL5kJ8hF3dS6aP1oI0uYe",
    "SEARCH_ACCESS": "key",
}


def test_doctor_lists_what_production_would_refuse_before_it_is_tried(facepass, tmp_path):
    def doctor(*arguments, **variables):
        done = facepass("doctor", *arguments, "--json", **variables)
        return done.returncode, [(check["state"], check["name"]) for check in json.loads(done.stdout)["checks"]]

    weak = {"API_KEYS": "minioadmin", "DATABASE_URL": "postgresql://u:hunter2@db.example/d", "CORS_ORIGINS": "*"}
    expected = [
        *(("fail", name) for name in ("SECRET_KEY", "JWT_SECRET_KEY", "DATABASE_URL", "API_KEYS", "CORS_ORIGINS")),
        *(("warn", name) for name in ("SEARCH_ACCESS", "DATABASE_URL")),
    ]

    assert doctor("--production", **weak) == (REFUSED, expected)
    assert doctor("--production", **SOUND) == (0, [("ok", "production")])
    code, checks = doctor(ENVIRONMENT="production", **weak)
    assert code == REFUSED
    assert [check for check in checks if check in expected] == expected
    code, checks = doctor(ENVIRONMENT="production", **SOUND)
    assert (code, ("ok", "production") in checks) == (0, True)
    assert not (tmp_path / "data").exists(), "doctor changes nothing"


def test_production_does_not_start_with_weak_secrets_and_says_all_that_is_wrong(facepass, tmp_path):
    done = facepass("serve", ENVIRONMENT="production", API_KEYS="minioadmin", POSTGRES_PASSWORD="hunter2")  # noqa: S106 - one to be refused

    assert done.returncode == CONFIGURATION
    lines = [line.split()[1] for line in done.stderr.splitlines()[1:]]
    assert lines == ["SECRET_KEY", "JWT_SECRET_KEY", "POSTGRES_PASSWORD", "API_KEYS"]
    assert "hunter2" not in done.stderr
    assert "minioadmin" not in done.stderr
    assert not (tmp_path / "data").exists(), "nothing was begun"
