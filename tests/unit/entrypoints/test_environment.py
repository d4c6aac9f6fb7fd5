"""Settings from the environment: precedence, secrets, and errors that name the variable."""

from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.environment import ALIASES, known_names, load_settings
from facepass.entrypoints.settings import Network, Secret


def test_with_nothing_set_everything_has_a_default() -> None:
    settings = load_settings({})
    assert settings.database.is_embedded
    assert settings.recognition.face_similarity_threshold == 0.5
    assert settings.models_dir == Path(".facepass/models")


def test_the_prefix_wins_over_the_bare_name() -> None:
    assert load_settings({"API_PORT": "1", "FACEPASS_API_PORT": "2"}).server.api_port == 2
    assert load_settings({"API_PORT": "1"}).server.api_port == 1


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text('API_PORT=3\nAPP_NAME="Faces $HOME"\n')
    settings = load_settings({"API_PORT": "4"}, dotenv=dotenv)
    assert settings.server.api_port == 4
    assert settings.application.app_name == "Faces $HOME"


def test_names_of_an_earlier_system_are_accepted() -> None:
    settings = load_settings({"DATABASE_HOST": "old", "DATABASE_NAME": "photos"})
    assert (settings.database.postgres_host, settings.database.postgres_db) == ("old", "photos")
    assert load_settings({"DATABASE_HOST": "old", "POSTGRES_HOST": "new"}).database.postgres_host == "new"


def test_an_empty_value_is_no_value() -> None:
    assert load_settings({"DATABASE_URL": "", "API_PORT": ""}).database.is_embedded


@given(st.text(st.characters(categories=["Lu", "Nd"], include_characters="_"), min_size=1, max_size=20))
@pytest.mark.property
def test_property_23_unknown_variables_with_our_prefix_are_refused_by_name(name: str) -> None:
    if name.removesuffix("_FILE") in known_names() | ALIASES or name.startswith("FACEPASS_"):
        return
    with pytest.raises(ConfigurationError, match="is not a setting") as refused:
        load_settings({f"FACEPASS_{name}": "1"})
    assert f"FACEPASS_{name}" in refused.value.detail
    load_settings({name: "1"})


@pytest.mark.property
def test_property_23_every_setting_is_read_somewhere() -> None:
    source = "".join(
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parents[3] / "src").rglob("*.py")
        if path.name != "environment.py"
    )
    declared = {attribute for _, attribute in known_names().values()}
    assert {attribute for attribute in declared if source.count(f".{attribute}") == 0} == set()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("API_PORT", "70000"),
        ("API_PORT", "eight"),
        ("FACEPASS_API_PORT", "0"),
        ("FACE_SIMILARITY_THRESHOLD", "1.5"),
        ("SEARCH_ACCESS", "magic"),
        ("ENVIRONMENT", "staging"),
        ("ACCESS_LOG", "perhaps"),
        ("DB_TIMEOUT_S", "0"),
        ("REDIS_DB", "-1"),
        ("RATE_LIMIT_SEARCH", "-1"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("FACEPASS_TRUSTED_PROXIES", "10.0.0.1, 10.0.0.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/33"),
    ],
)
def test_a_bad_value_is_refused_by_the_name_it_came_under(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings({name: value})
    assert refused.value.detail.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://Shop.Example", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://shop.example:80", "https://shop.example:80"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("capacitor://localhost", "capacitor://localhost"),
        ("*", "*"),
    ],
)
def test_origins_are_spelt_as_browsers_spell_them(given: str, kept: str) -> None:
    assert load_settings({"CORS_ORIGINS": f" {given} ,"}).security.cors_origins == (kept,)


@pytest.mark.parametrize(
    "wrong",
    ["shop.example", "https://shop.example/", "https://shop.example/a", "https://*.example", "null", "https://",
     "https://a@shop.example", "https://shop.example:0", "https://shop.example:70000", "https://ü.example",
     "https://a b"],
)  # fmt: skip
def test_what_is_no_origin_is_refused_at_start(wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^CORS_ORIGINS: .* is no origin: write scheme://host"):
        load_settings({"CORS_ORIGINS": f"https://shop.example,{wrong}"})


@pytest.mark.parametrize("name", ["POSTGRES_PORT", "FACEPASS_POSTGRES_PORT", "DATABASE_PORT"])
def test_a_port_without_a_host_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is set without POSTGRES_HOST"):
        load_settings({name: "5433"})
    assert load_settings({name: "5433", "POSTGRES_HOST": "h"}).database.postgres_port == 5433
    assert not load_settings({name: "5433", "DATABASE_URL": "postgresql://u@h/d"}).database.is_embedded


def test_the_usual_port_may_be_spelled_out() -> None:
    assert load_settings({"POSTGRES_PORT": "5432"}).database.is_embedded


def test_photos_in_a_bucket_are_asked_for_with_a_key_only() -> None:
    keys = {"S3_ACCESS_KEY": "access", "S3_SECRET_KEY": "hunter2"}
    store = load_settings({"S3_BUCKET": "photos", "S3_PREFIX": "2026", **keys}).object_store
    assert (store.s3_bucket, store.s3_prefix) == ("photos", "2026")
    assert load_settings(keys).object_store.s3_bucket is None
    for missing in keys:
        with pytest.raises(
            ConfigurationError, match=r"^FACEPASS_S3_BUCKET is set without S3_ACCESS_KEY and"
        ) as refused:
            load_settings({"FACEPASS_S3_BUCKET": "photos", **keys, missing: ""})
        assert "hunter2" not in refused.value.detail


def test_a_prefix_without_a_bucket_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^S3_PREFIX is set without S3_BUCKET"):
        load_settings({"S3_PREFIX": "2026", "S3_ACCESS_KEY": "access", "S3_SECRET_KEY": "secret"})


@pytest.mark.parametrize(
    ("name", "value"), [("REDIS_PORT", "6380"), ("FACEPASS_REDIS_DB", "1"), ("REDIS_PASSWORD", "hunter2")]
)
def test_what_redis_would_need_is_refused_without_one(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{name} is set without REDIS_HOST") as refused:
        load_settings({name: value})
    assert "hunter2" not in refused.value.detail
    assert load_settings({name: value, "REDIS_HOST": "h"}).redis.is_configured
    assert load_settings({name: value, "REDIS_URL": "redis://h"}).redis.is_configured
    assert not load_settings({"REDIS_PORT": "6379", "REDIS_DB": "0"}).redis.is_configured


def test_the_lead_of_a_stop_is_part_of_it() -> None:
    with pytest.raises(ConfigurationError, match=r"^SHUTDOWN_LEAD_S must be less than SHUTDOWN_GRACE_S, 20: "):
        load_settings({"SHUTDOWN_LEAD_S": "20"})
    assert load_settings({"SHUTDOWN_LEAD_S": "20", "SHUTDOWN_GRACE_S": "21"}).shutdown_lead_s == 20


@pytest.mark.parametrize(
    ("variables", "lead_s"),
    [
        ({}, 0),
        ({"TRUSTED_PROXIES": "10.0.0.1"}, 5),
        ({"TRUSTED_PROXIES": "10.0.0.1", "SHUTDOWN_GRACE_S": "3"}, 1.5),
        ({"TRUSTED_PROXIES": "10.0.0.1", "SHUTDOWN_LEAD_S": "0"}, 0),
        ({"SHUTDOWN_LEAD_S": "2"}, 2),
    ],
)
def test_without_a_balancer_a_stop_has_no_lead(variables: dict[str, str], lead_s: float) -> None:
    assert load_settings(variables).shutdown_lead_s == lead_s


def test_trusted_proxies_are_addresses_and_networks() -> None:
    trusted = load_settings({"TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.1,fd00::/8,"}).security.trusted_proxies
    assert trusted == (Network("10.0.0.0/8"), Network("192.0.2.1"), Network("fd00::/8"))
    assert len({*trusted, Network("192.0.2.1/32")}) == 3
    assert repr(trusted[0]) == "10.0.0.0/8"
    assert [ip_address(text) in trusted[0] for text in ("10.1.2.3", "11.0.0.0", "::1")] == [True, False, False]
    assert trusted[0] != "10.0.0.0/8"
    assert load_settings({}).security.trusted_proxies == ()


def test_secrets_come_from_files_and_never_show(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    settings = load_settings(
        {"POSTGRES_PASSWORD_FILE": str(secret), "API_KEYS": "one, two,", "DATABASE_URL": "postgresql://u:hunter3@h/d"}
    )
    assert settings.database.postgres_password.reveal() == "hunter2"
    assert [key.reveal() for key in settings.security.api_keys] == ["one", "two"]
    assert "hunter" not in repr(settings)
    assert "one" not in repr(settings.security)


def test_a_secret_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="API_KEYS_FILE"):
        load_settings({"API_KEYS_FILE": str(tmp_path / "nothing")})


def test_only_secrets_come_from_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="FACEPASS_API_PORT_FILE is not a setting"):
        load_settings({"FACEPASS_API_PORT_FILE": str(tmp_path)})


def test_a_secret_equals_its_like_only() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert {Secret("a"): 1}[Secret("a")] == 1
