"""The compose files and what they mount, in every combination that the documents name."""

import ast
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from facepass.entrypoints.environment import ALIASES, PREFIX, known_names, load_settings, secret_names
from facepass.entrypoints.production import refusals
from tests.integration.compose.model import (
    BASE,
    COMBINATIONS,
    FACEPASS_IMAGE,
    HA,
    MONITORING,
    PROD,
    ROOT,
    TLS,
    Container,
    compose,
    containers,
    make_env,
    merged,
    our_image,
)
from tests.integration.compose.programs import TABLE, found

NOT_SETTINGS = {"TMPDIR", "PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
OF_THE_BACKUP = {"BACKUP_TO", "BACKUP_AT"}
REPLICAS = ("facepass", "facepass-2", "facepass-3")
ONCE = {"migrate", "bucket", "replication"}
SECRETS = (
    *("POSTGRES_PASSWORD", "REDIS_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "API_KEYS", "SECRET_KEY"),
    "JWT_SECRET_KEY",
)


def model_of(files: tuple[str, ...], env_file: Path, secrets_dir: Path) -> dict[str, Any]:
    if PROD in files:
        secrets = {"SECRETS_DIR": str(secrets_dir), "SECRETS_IN_FILES": ""}
        return merged(files, Path(os.devnull), **secrets, **TLS)
    return merged(files, env_file, **TLS)


@pytest.fixture(scope="module", params=COMBINATIONS, ids=lambda files: "+".join(files).replace("docker-compose.", ""))
def files(request: pytest.FixtureRequest) -> tuple[str, ...]:
    chosen: tuple[str, ...] = request.param
    return chosen


@pytest.fixture(scope="module")
def model(files: tuple[str, ...], env_file: Path, secrets_dir: Path) -> dict[str, Any]:
    return model_of(files, env_file, secrets_dir)


@pytest.fixture(scope="module")
def each(model: dict[str, Any]) -> dict[str, Container]:
    return containers(model)


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_is_missing_is_named(name: str, env_file: Path, tmp_path: Path) -> None:
    lines = [line for line in env_file.read_text().splitlines() if not line.startswith(f"{name}=")]
    less = tmp_path / "less.env"
    less.write_text("\n".join(lines))
    done = compose("config", "--quiet", files=(BASE,), env_file=less)
    assert done.returncode != 0
    assert f"{name} is not set in .env - deploy/compose/make-env makes one" in done.stderr


def test_secrets_in_files_need_none_in_the_environment(secrets_dir: Path) -> None:
    done = compose("config", "--quiet", files=(BASE, PROD), env_file=Path(os.devnull), SECRETS_IN_FILES="")
    assert "SECRETS_DIR" in done.stderr
    model = model_of((BASE, PROD), Path(os.devnull), secrets_dir)
    values = {path.read_text() for path in secrets_dir.iterdir()}
    assert not [value for value in values if value in str(model)]


def test_replicas_want_the_monitoring_too(env_file: Path) -> None:
    done = compose("config", "--quiet", files=(BASE, HA), env_file=env_file, **TLS)
    assert (done.returncode, "grafana" in done.stderr) != (0, False)


def test_every_container_has_what_it_needs_and_no_more(each: dict[str, Container]) -> None:
    for name, one in each.items():
        raw = one.raw
        assert raw["cap_drop"] == ["ALL"], name
        assert "cap_add" not in raw, name
        assert not raw.get("privileged"), name
        assert raw["security_opt"] == ["no-new-privileges:true"], name
        assert raw["read_only"] is True, name
        assert raw["logging"]["options"] == {"max-size": "10m", "max-file": "5"}, name
        assert set(raw["deploy"]["resources"]["limits"]) == {"memory", "cpus", "pids"}, name
        assert not [path for path in one.files if "docker.sock" in path], name
        user = raw.get("user", our_image().user if one.image == FACEPASS_IMAGE else "image's")
        assert user not in {"root", "0"}, name


def test_everything_comes_back_by_itself_and_is_watched(each: dict[str, Container]) -> None:
    for name, one in each.items():
        if one.raw["restart"] == "no":
            continue  # for people, who see how it ends
        if name in ONCE:
            assert one.raw["restart"] == "on-failure:20"
            assert one.health is None
        else:
            assert one.raw["restart"] == "unless-stopped", name
            assert one.health or one.image == FACEPASS_IMAGE, name


def test_only_what_people_open_is_published(files: tuple[str, ...], model: dict[str, Any]) -> None:
    published = {
        (name, port.get("host_ip", "0.0.0.0"), port["target"])  # noqa: S104 - compared, not bound
        for name, service in model["services"].items()
        for port in service.get("ports", [])
    }
    expected = {("facepass", "127.0.0.1", 8000)}
    if MONITORING in files:
        expected |= {("grafana", "127.0.0.1", 3000), ("jaeger", "127.0.0.1", 16686)}
    if HA in files:
        expected -= {("facepass", "127.0.0.1", 8000)}
        expected |= {("traefik", "0.0.0.0", 8080), ("traefik", "0.0.0.0", 8443)}  # noqa: S104 - as above
    assert published == expected
    assert model["networks"]["inside"]["internal"] is True
    outside = {name for name, service in model["services"].items() if "edge" in service["networks"]}
    assert outside <= {*REPLICAS, "rclone", "mirror", "backup", "alertmanager", "grafana", "jaeger", "traefik"}


def test_facepass_is_told_nothing_that_it_does_not_know(each: dict[str, Container]) -> None:
    known = {*known_names(), *ALIASES, *(f"{name}_FILE" for name in secret_names())}
    for name, one in each.items():
        if one.image != FACEPASS_IMAGE:
            continue
        names = {variable.removeprefix(PREFIX) for variable in {**our_image().environment, **one.environment}}
        allowed = NOT_SETTINGS | (OF_THE_BACKUP if name == "backup" else set())
        assert names <= known | allowed, name


def test_production_starts_with_these_settings(each: dict[str, Container]) -> None:
    for name, one in each.items():
        if one.image != FACEPASS_IMAGE:
            continue
        environment = {**our_image().environment, **one.environment}
        environment = {
            key: str(one.files[value]) if value in one.files else value for key, value in environment.items()
        }
        settings = load_settings(environment)
        assert settings.application.is_production, name
        assert refusals(settings) == (), name
        assert settings.database.postgres_host == "database", name
        assert settings.object_store.s3_bucket == "photos", name


def test_a_name_misspelt_is_seen(env_file: Path) -> None:
    """That the two tests above can fail."""
    one = containers(merged((BASE,), env_file))["facepass"]
    assert "S3_BUKET" not in known_names()
    with pytest.raises(Exception, match="FACEPASS_S3_BUKET"):
        load_settings({**one.environment, "FACEPASS_S3_BUKET": "photos"})


def test_every_file_that_is_mounted_is_there(each: dict[str, Container]) -> None:
    for name, one in each.items():
        for target, source in one.files.items():
            if not target.startswith("/run/secrets/tls_"):
                assert source.exists(), (name, target)


def test_in_production_no_container_sees_a_folder_of_the_machine(files: tuple[str, ...], model: dict[str, Any]) -> None:
    folders = {
        (name, mount["source"])
        for name, service in model["services"].items()
        for mount in service.get("volumes", [])
        if mount["type"] == "bind"
    }
    if MONITORING not in files:
        assert not folders
    assert {name for name, _ in folders} <= {"grafana"}  # its dashboards, which are files of this repository


def test_every_image_has_a_way_to_be_run_in_tests_or_a_reason(each: dict[str, Container]) -> None:
    assert {one.image for one in each.values()} <= set(TABLE)


def test_what_production_adds(secrets_dir: Path) -> None:
    model = model_of((BASE, PROD), Path(os.devnull), secrets_dir)
    services = model["services"]
    for name in ("facepass", "worker", "database"):
        assert services[name]["deploy"]["resources"]["reservations"]["memory"], name
    backup = containers(model)["backup"]
    assert backup.environment["BACKUP_RETENTION_DAYS"] == "30"
    assert backup.volumes["/backups"] == "backups"


def test_what_replicas_add(env_file: Path) -> None:
    model = merged((BASE, MONITORING, HA), env_file, **TLS)
    started = containers(model, profiles=False)
    assert set(REPLICAS) <= set(started)
    assert not set(containers(merged((BASE, MONITORING), env_file), profiles=False)) & {*REPLICAS[1:]}
    assert model["services"]["worker"]["scale"] == 2
    dynamic = yaml.safe_load(started["traefik"].files["/etc/traefik/dynamic.yml"].read_text())
    servers = dynamic["http"]["services"]["facepass"]["loadBalancer"]["servers"]
    assert [server["url"] for server in servers] == [f"http://{name}:8000" for name in REPLICAS]
    (group,) = yaml.safe_load(started["prometheus"].files["/etc/prometheus/targets/facepass.yml"].read_text())
    assert group["targets"] == [f"{name}:8000" for name in REPLICAS]
    address = model["services"]["traefik"]["networks"]["edge"]["ipv4_address"]
    for name in REPLICAS:
        assert started[name].environment == started["facepass"].environment
        assert started[name].environment["TRUSTED_PROXIES"] == address


def test_prometheus_knows_every_part_that_is_started(files: tuple[str, ...], each: dict[str, Container]) -> None:
    prometheus = each["prometheus"]
    targets = {
        target
        for path, source in prometheus.files.items()
        if "/targets/" in path
        for group in yaml.safe_load(source.read_text())
        for target in group["targets"]
    }
    hosts = {target.partition(":")[0] for target in targets}
    assert hosts <= {name for name, one in each.items() if not one.raw.get("profiles")}
    assert (hosts >= set(REPLICAS)) == (HA in files)


@pytest.mark.parametrize("program", ["promtool"])
def test_prometheus_takes_its_configuration(program: str, tmp_path: Path) -> None:
    where = found(program)
    if where is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    text = (ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text()
    path = tmp_path / "prometheus.yml"
    path.write_text(text.replace("/etc/prometheus/alerts.yml", str(ROOT / "deploy" / "prometheus" / "alerts.yml")))
    command = [where, "check", "config", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - a program found above
    assert done.returncode == 0, done


def test_grafana_finds_its_sources_and_dashboards(env_file: Path) -> None:
    each = containers(merged((BASE, MONITORING), env_file))
    provisioning = each["grafana"].files["/etc/grafana/provisioning"]
    sources = yaml.safe_load((provisioning / "datasources" / "facepass.yml").read_text())["datasources"]
    hosts = {re.sub(r"http://([a-z-]+):\d+", r"\1", source["url"]) for source in sources}
    assert hosts == {"prometheus", "jaeger"} <= set(each)
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "facepass.yml").read_text())["providers"]
    assert provider["options"]["path"] in each["grafana"].files
    uids = {source["uid"] for source in sources}
    for exemplar in sources[0]["jsonData"]["exemplarTraceIdDestinations"]:
        assert exemplar["datasourceUid"] in uids
    for dashboard in (ROOT / "deploy" / "grafana").glob("*.json"):
        asked = set(re.findall(r'"uid": "((?!\$)[^"]+)"', dashboard.read_text()))
        assert asked & uids or "${" in dashboard.read_text(), dashboard.name


def test_jaeger_stores_what_it_takes(env_file: Path) -> None:
    each = containers(merged((BASE, MONITORING), env_file))
    settings = yaml.safe_load(each["jaeger"].files["/etc/jaeger/config.yml"].read_text())
    pipeline = settings["service"]["pipelines"]["traces"]
    for kind in ("receivers", "processors", "exporters"):
        assert set(pipeline[kind]) == set(settings[kind])
    assert set(settings["service"]["extensions"]) == set(settings["extensions"])
    port = settings["receivers"]["otlp"]["protocols"]["http"]["endpoint"].rpartition(":")[2]
    assert each["facepass"].environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == f"http://jaeger:{port}"


def test_scripts_of_containers_are_whole() -> None:
    shell = found("shellcheck")
    for path in sorted((ROOT / "deploy" / "compose").rglob("*")):
        if path.suffix == ".py":
            ast.parse(path.read_text())
        elif path.suffix == ".sh" or path.name == "make-env":
            subprocess.run(["sh", "-n", str(path)], check=True)  # noqa: S603, S607 - ours
            if shell is not None:
                subprocess.run([shell, str(path)], check=True)  # noqa: S603 - as above


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = make_env(tmp_path, "secrets")
    values = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert len(set(values.values())) == len(values)
    assert all(value not in first.read_text() for value in values.values())
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
    make_env(tmp_path, "secrets")
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == values
