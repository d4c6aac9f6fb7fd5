"""Pods stop, start and are watched as docs/replicas.md asks; they have no rights; what selects them finds them."""

import json
import re
from typing import Any

import pytest
from click.testing import CliRunner

from facepass.entrypoints.cli.main import main
from facepass.entrypoints.settings import Settings
from tests.integration.kubernetes.support import (
    ROOT,
    Manifests,
    Object,
    changed,
    container_of,
    made,
    of_kind,
    pods,
)

GRACE_AND_MORE_S = 5
"""What docs/replicas.md asks of whoever ends a process."""
MIB = 1 << 20


def variable(container: Object, name: str) -> str:
    (value,) = (each["value"] for each in container["env"] if each["name"] == name)
    return str(value)


def size_bytes(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", text).groups()  # type: ignore[union-attr]
    return int(number) * {"Mi": MIB, "Gi": MIB * 1024}[unit]


@pytest.mark.parametrize("name", ["facepass-api", "facepass-worker"])
def test_probes_ask_what_is_documented_at_a_port_that_is_there(manifests: Manifests, name: str) -> None:
    container = container_of(dict(pods(manifests))[name])
    (port,) = container["ports"]
    documented = json.loads((ROOT / "docs" / "openapi.json").read_text(encoding="utf-8"))["paths"]
    asked = {}
    for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
        probe = container[kind]
        asked[kind] = probe["httpGet"]["path"]
        assert f"/api/v1{asked[kind]}" in documented
        assert probe["httpGet"]["port"] == port["name"]
    assert asked == {
        "startupProbe": "/health/live",
        "livenessProbe": "/health/live",
        "readinessProbe": "/health/ready",
    }
    assert container["readinessProbe"]["timeoutSeconds"] > 2, "docs/outages.md: the database is asked for 2 s at most"


def test_ports_are_those_that_processes_listen_on(manifests: Manifests) -> None:
    found = dict(pods(manifests))
    api, worker = container_of(found["facepass-api"]), container_of(found["facepass-worker"])
    assert api["ports"] == [{"name": "http", "containerPort": int(variable(api, "API_PORT"))}]
    assert worker["ports"] == [{"name": "metrics", "containerPort": int(variable(worker, "METRICS_PORT"))}]
    assert variable(api, "API_HOST") == variable(worker, "API_HOST") == "0.0.0.0"  # noqa: S104 in the container
    (service,) = of_kind(manifests, "Service").values()
    assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]


@pytest.mark.parametrize("grace_s", [20, 45.5])
def test_a_pod_is_given_longer_than_it_takes_to_stop(grace_s: float) -> None:
    found = dict(pods(changed(settings={"SHUTDOWN_GRACE_S": grace_s})))
    for name in ("facepass-api", "facepass-worker"):
        container = container_of(found[name])
        assert float(variable(container, "SHUTDOWN_GRACE_S")) == grace_s
        assert 0 < float(variable(container, "SHUTDOWN_LEAD_S")) < grace_s
        assert found[name]["spec"]["terminationGracePeriodSeconds"] >= grace_s + GRACE_AND_MORE_S
        assert "lifecycle" not in container


def test_a_new_replica_is_ready_before_an_old_one_goes(manifests: Manifests) -> None:
    strategy = of_kind(manifests, "Deployment")["facepass-api"]["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_the_autoscaler_has_the_bounds_that_were_asked_for() -> None:
    manifests = made("production")
    scaler = of_kind(manifests, "HorizontalPodAutoscaler")["facepass-api"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 10)
    (metric,) = scaler["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    deployment = of_kind(manifests, "Deployment")["facepass-api"]["spec"]
    assert "replicas" not in deployment, "an upgrade would undo what the autoscaler did"
    assert "cpu" in container_of(deployment["template"])["resources"]["requests"], "of which the 80 % are"


def test_replicas_are_fixed_without_an_autoscaler() -> None:
    manifests = changed(api={"autoscaling": {"enabled": False}}, worker={"autoscaling": {"enabled": False}})
    assert of_kind(manifests, "HorizontalPodAutoscaler") == {}
    assert of_kind(manifests, "Deployment")["facepass-api"]["spec"]["replicas"] == 3
    assert of_kind(manifests, "Deployment")["facepass-worker"]["spec"]["replicas"] == 2


def matches(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return selector.items() <= labels.items()


def test_each_selector_finds_the_pods_that_are_meant_and_no_others(manifests: Manifests) -> None:
    by_maker = dict(pods(manifests))

    def found_by(selector: dict[str, str]) -> set[str]:
        return {name for name, pod in by_maker.items() if matches(selector, pod["metadata"]["labels"])}

    for name, deployment in of_kind(manifests, "Deployment").items():
        assert found_by(deployment["spec"]["selector"]["matchLabels"]) == {name}
        for constraint in deployment["spec"]["template"]["spec"]["topologySpreadConstraints"]:
            assert found_by(constraint["labelSelector"]["matchLabels"]) == {name}
    for name, budget in of_kind(manifests, "PodDisruptionBudget").items():
        assert found_by(budget["spec"]["selector"]["matchLabels"]) == {name}
    for name, scaler in of_kind(manifests, "HorizontalPodAutoscaler").items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert name in of_kind(manifests, "Deployment")
    for name, service in of_kind(manifests, "Service").items():
        assert found_by(service["spec"]["selector"]) == {name}
    for name, monitor in of_kind(manifests, "PodMonitor").items():
        assert found_by(monitor["spec"]["selector"]["matchLabels"]) == {name}
    for name, monitor in of_kind(manifests, "ServiceMonitor").items():
        (service,) = of_kind(manifests, "Service").values()
        assert matches(monitor["spec"]["selector"]["matchLabels"], service["metadata"]["labels"])
        assert name == service["metadata"]["name"]


def test_no_pod_has_rights(manifests: Manifests) -> None:
    accounts = of_kind(manifests, "ServiceAccount")
    for name, pod in pods(manifests):
        spec, container = pod["spec"], container_of(pod)
        assert spec["automountServiceAccountToken"] is False, name
        assert accounts[spec["serviceAccountName"]]["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["runAsGroup"] == 10001
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        for kind in ("requests", "limits"):
            assert {"cpu", "memory"} <= container["resources"][kind].keys(), name
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert not {found["kind"] for found in manifests} & {"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"}


def test_the_user_is_that_of_the_image() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"useradd .*--uid 10001\b", text)


@pytest.mark.parametrize("spooled_bytes", [512 * MIB, 3 * 1024 * MIB])
def test_what_is_written_to_is_bounded_and_large_enough(spooled_bytes: int) -> None:
    for name, pod in pods(changed(settings={"MAX_SPOOLED_BYTES": spooled_bytes})):
        volumes = {each["name"]: each for each in pod["spec"].get("volumes", [])}
        mounts = {each["mountPath"]: each["name"] for each in container_of(pod).get("volumeMounts", [])}
        if name == "facepass-test-health":
            continue
        for path in ("/tmp", "/data"):  # noqa: S108 in the container
            assert set(volumes[mounts[path]]["emptyDir"]) == {"sizeLimit"}, name  # on disk: no `medium: Memory`
        if name == "facepass-api":
            assert size_bytes(volumes[mounts["/tmp"]]["emptyDir"]["sizeLimit"]) > spooled_bytes  # noqa: S108 same


def test_memory_holds_what_the_settings_may_take(manifests: Manifests) -> None:
    """Budgets of pictures and of sessions in memory, two thirds of the limit at most: the rest is models and Python."""
    container = container_of(dict(pods(manifests))["facepass-api"])
    budgets = Settings().uploads.max_held_bytes + Settings().search.search_cache_bytes
    assert budgets < size_bytes(container["resources"]["limits"]["memory"]) * 2 / 3


def test_the_migration_comes_before_everything_and_needs_nothing_that_comes_later() -> None:
    manifests = made("production")
    hooks = {
        (found["kind"], found["metadata"]["name"]): found["metadata"]["annotations"]
        for found in manifests
        if "helm.sh/hook" in found["metadata"].get("annotations", {})
    }
    job = hooks.pop(("Job", "facepass-migrate"))
    assert job["helm.sh/hook"] == "pre-install,pre-upgrade"
    for needed in (("ServiceAccount", "facepass-migrate"), ("NetworkPolicy", "facepass-migrate")):
        assert hooks[needed]["helm.sh/hook"] == job["helm.sh/hook"]
        assert int(hooks[needed]["helm.sh/hook-weight"]) < int(job["helm.sh/hook-weight"])
    container = container_of(dict(pods(manifests))["facepass-migrate"])
    assert container["command"] == ["facepass", "db", "upgrade"]
    assert not [each for each in changed(migration={"enabled": False}) if each["metadata"]["name"].endswith("-migrate")]
    back = container_of(dict(pods(changed(migration={"downgradeTo": "0005"})))["facepass-migrate"])
    assert back["command"] == ["facepass", "db", "downgrade", "0005", "--yes"]


def test_backups_are_made_and_rehearsed_one_at_a_time() -> None:
    jobs = of_kind(made("production"), "CronJob")
    place = "s3://facepass-backups/production"
    assert {name: container_of(pod)["command"] for name, pod in pods(list(jobs.values()))} == {
        "facepass-backup": ["facepass", "db", "backup", "--to", place],
        "facepass-verify-backup": ["facepass", "db", "verify-backup", "--from", place],
    }
    for job in jobs.values():
        assert job["spec"]["concurrencyPolicy"] == "Forbid"
        assert job["spec"]["timeZone"] == "Etc/UTC"
    assert of_kind(made("minimal"), "CronJob") == {}


def test_backups_may_go_to_a_volume() -> None:
    backup = {"to": "/backups/facepass", "existingClaim": "backups"}
    job = dict(pods(changed(backup=backup)))["facepass-backup"]
    assert {"name": "backups", "mountPath": "/backups"} in container_of(job)["volumeMounts"]
    assert {"name": "backups", "persistentVolumeClaim": {"claimName": "backups"}} in job["spec"]["volumes"]


def test_a_worker_takes_as_many_photos_as_it_is_told() -> None:
    commands = {
        count: container_of(dict(pods(changed(worker={"concurrency": count})))["facepass-worker"]) for count in (0, 6)
    }
    assert commands[0]["command"] == ["facepass", "worker"]
    assert commands[6]["command"] == ["facepass", "worker", "--concurrency", "6"]


def commands() -> list[list[str]]:
    return [container_of(pod)["command"] for _, pod in pods(made("production"))]


@pytest.mark.parametrize("command", [each for each in commands() if each[0] == "facepass"], ids=" ".join)
def test_every_command_is_one_that_facepass_has(command: list[str]) -> None:
    words = [word for word in command[1:] if not word.startswith(("-", "s3://"))]
    shown: Any = CliRunner().invoke(main, [*words, "--help"])
    assert shown.exit_code == 0, shown.output
    for option in (word for word in command if word.startswith("--")):
        assert option in shown.output
