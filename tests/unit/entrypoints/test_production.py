"""One list of what production refuses: every reason at once, by the variable's name, never with the secret."""

import re
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.configured_secrets import configured_secrets, hidden_texts
from facepass.entrypoints.environment import ALIASES, LISTS, load_settings, secret_names
from facepass.entrypoints.production import Finding, cautions, check_production, refusals

ROOT = Path(__file__).parents[3]
SOUND = {
    "API_KEYS": "Vr2mXk7qLw9ZtB4nHc6JdP3s",
    "SECRET_KEY": "mJ8xQ2vR5tY7uW3zK6nB9cD4fG1hL0pS",
    "JWT_SECRET_KEY": "T4gN7bV2cX9zL5kJ8hF3dS6aP1oI0uYe",
    "ENCRYPTION_KEY": "8f3a1c5e7b9d2046f8e6c4a2b0d1937564738291a0bcfdeebda7561c934f8e20",
    "POSTGRES_PASSWORD": "hV5kT9wQ2xZr",
    "REDIS_HOST": "redis",
    "S3_ACCESS_KEY": "photos-reader",
    "S3_SECRET_KEY": "Zx8Kq3Wn6Rt1Yb5M",
}
NO_SECRETS_AS_A_WHOLE = {"S3_ACCESS_KEY", *(name for name in secret_names() if name.endswith("_URL"))}
EXAMPLES = re.compile(
    r"(?<!--from-file=)"  # names a file that holds it
    rf"\b(?:FACEPASS_)?(?P<name>{'|'.join(secret_names() | set(ALIASES))}|FACEPASS_IMPORT_DSN)=(?P<value>[^\s`|;]+)"
)


def names(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.setting for finding in findings]


def refused(**variables: str) -> list[str]:
    return names(refusals(load_settings({**SOUND, **variables})))


def test_sound_settings_are_not_refused() -> None:
    assert refused() == []
    check_production(load_settings({**SOUND, "ENVIRONMENT": "production"}))


def test_what_is_missing_is_named_with_what_to_do() -> None:
    found = refusals(load_settings({}))
    assert names(found) == ["SECRET_KEY", "JWT_SECRET_KEY"]
    for finding in found:
        assert finding.problem == "is not set"
        assert f"{finding.setting}_FILE" in finding.remedy
        assert "token_urlsafe(32)" in finding.remedy


def test_api_keys_may_be_kept_in_the_database_alone() -> None:
    assert refused(API_KEYS="") == []


@pytest.mark.parametrize("name", sorted(name for name in secret_names() if name not in NO_SECRETS_AS_A_WHOLE))
@pytest.mark.parametrize("weak", ["changeme", "short", "x" * 64])
def test_every_secret_is_looked_at(name: str, weak: str) -> None:
    found = [finding for finding in refusals(load_settings({**SOUND, name: weak})) if finding.setting == name]
    assert len(found) == 1
    assert weak not in str(found[0])
    if name in LISTS:
        assert refused(**{name: f"{SOUND[name]},{weak}"}) == [name]


@pytest.mark.parametrize("name", sorted(secret_names()))
def test_a_published_name_or_address_is_refused_too(name: str) -> None:
    value = "postgresql://u:changeme@localhost/d" if name.endswith("_URL") else "changeme"
    assert refused(**{name: value}) == [name]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:postgres@localhost/d",
        "postgresql://u:p%6Fstgres@localhost/d",
        "postgresql://u@localhost/d?password=postgres",
    ],
)
def test_the_password_within_an_address_counts_however_it_is_spelt(url: str) -> None:
    (finding,) = refusals(load_settings({**SOUND, "DATABASE_URL": url}))
    assert finding.setting == "DATABASE_URL"
    assert finding.problem.startswith("holds a password that ")
    assert "postgres" not in finding.problem


@pytest.mark.parametrize("url", ["postgresql://u@localhost/d", "postgresql:///d?host=/run", "postgresql://[broken"])
def test_an_address_without_a_password_is_none_of_this(url: str) -> None:
    assert refused(DATABASE_URL=url) == []


@pytest.mark.parametrize("other", ["SECRET_KEY", "JWT_SECRET_KEY", "POSTGRES_PASSWORD"])
def test_a_secret_used_twice_is_refused(other: str) -> None:
    twice = SOUND["S3_SECRET_KEY"] * 2 + "Qz7"
    found = refusals(load_settings({**SOUND, "API_KEYS": f"{SOUND['API_KEYS']},{twice}", other: twice}))
    assert len(found) == 1
    assert {found[0].setting, found[0].problem.split()[-1]} == {"API_KEYS", other}


def test_a_password_that_an_address_repeats_is_one_secret() -> None:
    url = f"postgresql://u:{SOUND['POSTGRES_PASSWORD']}@localhost/d"
    assert refused(DATABASE_URL=url) == []
    assert refused(DATABASE_URL=f"postgresql://u:{SOUND['SECRET_KEY']}@localhost/d") == ["SECRET_KEY"]


def test_one_setting_may_name_a_key_twice() -> None:
    assert refused(SECRET_KEY=f"{SOUND['SECRET_KEY']},{SOUND['SECRET_KEY']}") == []


def test_an_encryption_key_that_cannot_be_used_is_told_what_it_takes() -> None:
    (finding,) = refusals(
        load_settings({**SOUND, "ENCRYPTION_KEY": "Vr2mXk7qLw9ZtB4nHc6JdP3sVr2mXk7qLw9ZtB4nHc6JdP3s"})
    )
    assert (finding.setting, finding.problem) == ("ENCRYPTION_KEY", "cannot be used")
    assert "64 hex digits" in finding.remedy


def test_production_lets_no_page_at_all_in() -> None:
    assert refused(CORS_ORIGINS="https://a.example,*") == ["CORS_ORIGINS"]
    assert refused(CORS_ORIGINS="https://a.example") == []


def test_all_reasons_are_told_at_once_a_line_each_without_any_secret() -> None:
    weak = {
        "ENVIRONMENT": "production", "API_KEYS": "minioadmin", "S3_SECRET_KEY": "minioadmin", "CORS_ORIGINS": "*",
        "DATABASE_URL": "postgresql://u:tr0ub4dor@h/d",
    }  # fmt: skip
    with pytest.raises(ConfigurationError) as told:
        check_production(load_settings(weak))
    first, *reasons = told.value.detail.splitlines()
    assert first.startswith("ENVIRONMENT=production")
    assert [reason.split()[1] for reason in reasons] == [
        "SECRET_KEY", "JWT_SECRET_KEY", "DATABASE_URL", "S3_SECRET_KEY", "API_KEYS", "API_KEYS", "CORS_ORIGINS",
    ]  # fmt: skip
    assert "minioadmin" not in told.value.detail
    assert "tr0ub4dor" not in told.value.detail


def test_elsewhere_everything_starts() -> None:
    check_production(load_settings({"API_KEYS": "test", "CORS_ORIGINS": "*"}))


def test_a_search_open_to_all_is_pointed_out() -> None:
    assert names(cautions(load_settings(SOUND))) == ["SEARCH_ACCESS"]
    for closed in ("token", "key"):
        assert cautions(load_settings({**SOUND, "SEARCH_ACCESS": closed})) == ()
    with capture_logs() as lines:
        check_production(load_settings({**SOUND, "ENVIRONMENT": "production"}))
    assert [line["event"] for line in lines] == ["unwise_in_production"]
    assert "SEARCH_ACCESS=token" in lines[0]["remedy"]


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"POSTGRES_HOST": "db"}, "DB_SSLMODE"),
        ({"POSTGRES_HOST": "db", "DB_SSLMODE": "disable"}, "DB_SSLMODE"),
        ({"POSTGRES_HOST": "db", "DB_SSLMODE": "require"}, None),
        ({"POSTGRES_HOST": "db", "DB_SSLMODE": "verify-full"}, None),
        ({"POSTGRES_HOST": "127.0.0.1"}, None),
        ({"POSTGRES_HOST": "localhost", "DB_SSLMODE": "disable"}, None),
        ({"POSTGRES_HOST": "/run/postgresql"}, None),
        ({"POSTGRES_HOST": "localhost,db"}, "DB_SSLMODE"),
        ({"DATABASE_URL": "postgresql://u@db/d"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://u@10.0.0.5:5432/d?sslmode=prefer"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql://u@db/d?sslmode=verify-full"}, None),
        ({"DATABASE_URL": "postgresql://u@[::1]:5432/d"}, None),
        ({"DATABASE_URL": "postgresql://u@127.0.0.1/d", "DB_SSLMODE": "disable"}, None),
        ({"DATABASE_URL": "postgresql:///d?host=db"}, "DATABASE_URL"),
        ({"DATABASE_URL": "postgresql:///d?host=/run"}, None),
        ({"DATABASE_URL": "postgresql://[broken"}, None),
        ({}, None),
    ],
)
def test_an_unencrypted_way_to_another_machine_is_pointed_out(variables: dict[str, str], named: str | None) -> None:
    settings = load_settings({**SOUND, **variables, "SEARCH_ACCESS": "key"})
    assert names(cautions(settings)) == ([named] if named else [])


def documents() -> list[Path]:
    return [
        *sorted((ROOT / "docs").rglob("*.md")),
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "Dockerfile", "Makefile")),
        *sorted(ROOT.glob("docker-compose*.yml")),
    ]


def test_every_example_in_our_documents_is_refused() -> None:
    shown: set[tuple[str, str]] = set()
    for document in documents():
        text = document.read_text(encoding="utf-8")
        shown |= {(found["name"], found["value"]) for found in EXAMPLES.finditer(text)}
        shown |= {("DATABASE_URL", url) for url in re.findall(r"postgres(?:ql)?://\w+:[^@\s]+@[^\s`']+", text)}
    assert shown
    for name, value in shown:
        setting = "DATABASE_URL" if "://" in value else ALIASES.get(name, name)
        assert setting in refused(**{setting: value.strip("'\"")}), (name, value)


def test_secrets_are_listed_with_every_spelling_that_could_show() -> None:
    settings: Any = load_settings({"API_KEYS": "one,two", "DATABASE_URL": "postgresql://u:p%40ss@h/d?password=other"})
    assert [(secret.setting, secret.value) for secret in configured_secrets(settings)] == [
        ("DATABASE_URL", "p@ss"),
        ("DATABASE_URL", "other"),
        ("API_KEYS", "one"),
        ("API_KEYS", "two"),
    ]
    assert set(hidden_texts(settings)) == {
        "postgresql://u:p%40ss@h/d?password=other", "p%40ss", "p@ss", "other", "one", "two",
    }  # fmt: skip
    assert "one" not in repr([*configured_secrets(settings)])
