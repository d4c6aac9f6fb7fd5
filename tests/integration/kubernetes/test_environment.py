"""What containers are told is what FacePass reads: each variable a setting, each secret a file, nothing it refuses."""

import re
from pathlib import Path
from typing import Any

import pytest

from facepass.entrypoints.environment import ALIASES, known_names, load_settings, secret_names
from facepass.entrypoints.production import cautions, refusals
from facepass.entrypoints.settings import Settings
from tests.integration.kubernetes.support import Manifests, Object, changed, container_of, made, pods
from tests.unit.entrypoints.test_production import SOUND

OF_OTHERS = {
    "PGSSLROOTCERT": "the driver of PostgreSQL and libpq: where the certificate of the authority is",
    "TMPDIR": "Python: where uploads wait",
}
"""Who reads what is no setting of ours."""
SECRET_VALUES = {
    **SOUND,
    "DATABASE_URL": "postgresql://facepass:hV5kT9wQ2xZr@database/facepass?sslmode=verify-full",
    "REDIS_PASSWORD": "pL7rN4tY9uVb",
}
SECRETS_PATH = "/run/secrets/facepass/"


def environment(container: Object, folder: Path) -> dict[str, str]:
    """As the container would have it; secrets lie in a folder, as their volume would hold them."""
    variables = {}
    for variable in container["env"]:
        value = variable.get("value")
        if value is None:
            assert variable["valueFrom"] == {"resourceFieldRef": {"resource": "limits.cpu"}}, variable
            value = container["resources"]["limits"]["cpu"]
        if value.startswith(SECRETS_PATH):
            name = value.removeprefix(SECRETS_PATH)
            (folder / name).write_text(SECRET_VALUES[name], encoding="utf-8")
            value = str(folder / name)
        assert variable["name"] not in variables, variable
        variables[variable["name"]] = value
    return variables


def settings_of(pod: Object, folder: Path) -> Settings:
    return load_settings(environment(container_of(pod), folder))


def with_settings(manifests: Manifests) -> list[tuple[str, Object]]:
    return [(name, pod) for name, pod in pods(manifests) if "env" in container_of(pod)]


def test_every_variable_is_a_setting_and_is_read_without_complaint(manifests: Manifests, tmp_path: Path) -> None:
    asked = with_settings(manifests)
    assert {"facepass-api", "facepass-worker", "facepass-migrate"} <= {name for name, _ in asked}
    names = {*known_names(), *ALIASES, *(f"{name}_FILE" for name in secret_names()), *OF_OTHERS}
    for name, pod in asked:
        variables = environment(container_of(pod), tmp_path)
        assert variables.keys() <= names, name
        assert load_settings(variables).application.is_production


def test_production_starts_with_it(manifests: Manifests, variant: str, tmp_path: Path) -> None:
    for name, pod in with_settings(manifests):
        if name in {"facepass-api", "facepass-worker"}:
            settings = settings_of(pod, tmp_path)
            assert refusals(settings) == (), name
            if variant != "minimal":  # which lets the public search
                assert cautions(settings) == (), name


def test_values_arrive_as_they_were_meant(tmp_path: Path) -> None:
    settings = settings_of(dict(pods(made("production")))["facepass-api"], tmp_path)
    assert settings.server.api_port == 8000
    assert settings.uploads.max_upload_bytes == 10 * 1024 * 1024
    assert settings.security.search_access == "token"
    assert list(map(str, settings.security.cors_origins)) == ["https://photos.example.org"]
    assert list(map(repr, settings.security.trusted_proxies)) == ["10.244.0.0/16"]
    assert settings.recognition.ml_threads == 2
    assert settings.jobs.job_concurrency is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.25"), (100_000_000, "100000000"), (7, "7"), (1, "1")],
)
def test_numbers_are_written_in_full(value: float, text: str) -> None:
    """Helm reads YAML's numbers as floats, and would write large ones with an exponent."""
    name = "FACE_SIMILARITY_THRESHOLD" if value <= 1 else "MAX_SOURCE_BYTES"
    api = container_of(dict(pods(changed(settings={name: value})))["facepass-api"])
    assert {"name": name, "value": text} in api["env"]


def test_truth_and_lists() -> None:
    chosen = {"ACCESS_LOG": False, "CORS_ORIGINS": ["https://a.example.org", "https://b.example.org"], "ML_THREADS": 3}
    env = container_of(dict(pods(changed(settings=chosen)))["facepass-worker"])["env"]
    assert {"name": "ACCESS_LOG", "value": "false"} in env
    assert {"name": "CORS_ORIGINS", "value": "https://a.example.org,https://b.example.org"} in env
    assert [each for each in env if each["name"] == "ML_THREADS"] == [{"name": "ML_THREADS", "value": "3"}]


def test_no_secret_is_in_an_environment(manifests: Manifests) -> None:
    for name, pod in pods(manifests):
        container = container_of(pod)
        assert "envFrom" not in container
        for variable in container.get("env", []):
            assert variable["name"] not in secret_names(), name
            assert "secretKeyRef" not in variable.get("valueFrom", {}), name
            assert not re.search(r"://[^/]*:[^/]*@", variable.get("value", "")), name


def test_each_secret_file_is_mounted_from_an_existing_secret(manifests: Manifests) -> None:
    assert not [found for found in manifests if found["kind"] == "Secret"]
    for name, pod in with_settings(manifests):
        container = container_of(pod)
        (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == "secrets")
        files = {item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]}
        told = {each["value"] for each in container["env"] if each.get("value", "").startswith(SECRETS_PATH)}
        assert told == {SECRETS_PATH + file for file in files}, name
        assert files
        mounts = {each["name"]: each for each in container["volumeMounts"]}
        assert mounts["secrets"]["mountPath"] + "/" == SECRETS_PATH
        assert mounts["secrets"]["readOnly"] is True


def secrets_of(pod: Object) -> dict[str, str]:
    """Which Secret each secret setting comes from."""
    (volume,) = (each for each in pod["spec"]["volumes"] if each["name"] == "secrets")
    return {
        item["path"]: source["secret"]["name"]
        for source in volume["projected"]["sources"]
        for item in source["secret"]["items"]
    }


def test_jobs_are_given_the_secrets_that_they_need_and_no_others() -> None:
    found = dict(pods(made("production")))
    assert secrets_of(found["facepass-migrate"]) == {"POSTGRES_PASSWORD": "facepass-database"}
    for name in ("facepass-backup", "facepass-verify-backup"):
        assert secrets_of(found[name]) == {
            "POSTGRES_PASSWORD": "facepass-database",
            "S3_ACCESS_KEY": "facepass-backups",
            "S3_SECRET_KEY": "facepass-backups",
        }
    assert secrets_of(found["facepass-api"])["S3_SECRET_KEY"] == "facepass-photos"  # noqa: S105 a Secret's name


@pytest.mark.parametrize("part", ["migration", "backup"])
def test_a_job_may_have_a_database_role_of_its_own(part: str, tmp_path: Path) -> None:
    own: dict[str, Any] = {
        part: {
            "settings": {"POSTGRES_USER": "owner"},
            "secrets": {"POSTGRES_PASSWORD": {"name": "owner", "key": "password"}},
        }
    }
    found = dict(pods(changed(**own)))
    name = {"migration": "facepass-migrate", "backup": "facepass-backup"}[part]
    assert settings_of(found[name], tmp_path).database.postgres_user == "owner"
    assert secrets_of(found[name])["POSTGRES_PASSWORD"] == "owner"  # noqa: S105 a Secret's name
    assert settings_of(found["facepass-api"], tmp_path).database.postgres_user == "facepass"


def test_photos_may_come_from_a_volume(tmp_path: Path) -> None:
    values = {"photos": {"existingClaim": "photos"}, "settings": {"S3_BUCKET": None}}
    found = dict(pods(changed(**values)))
    for name in ("facepass-api", "facepass-worker"):
        assert settings_of(found[name], tmp_path).photo_root == Path("/photos")
        mounts = {each["name"]: each for each in container_of(found[name])["volumeMounts"]}
        assert mounts["photos"] == {"name": "photos", "mountPath": "/photos", "readOnly": True}


def test_services_of_the_cluster_are_no_settings(manifests: Manifests) -> None:
    """Kubernetes would otherwise set REDIS_PORT=tcp://… for a Service called redis."""
    for name, pod in pods(manifests):
        assert pod["spec"]["enableServiceLinks"] is False, name
