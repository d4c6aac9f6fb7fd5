"""Prometheus is told of every process, by the names of jobs that the alerts know, and of the alerts themselves."""

import pytest
import yaml

from tests.integration.kubernetes.support import ROOT, container_of, made, of_kind, pods

ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"


def test_both_kinds_of_processes_are_scraped_under_the_names_that_the_alerts_use() -> None:
    manifests = made("monitoring")
    found = dict(pods(manifests))
    (service,) = of_kind(manifests, "ServiceMonitor").values()
    (pod,) = of_kind(manifests, "PodMonitor").values()
    jobs = {}
    for maker, endpoint in (
        ("facepass-api", service["spec"]["endpoints"][0]),
        ("facepass-worker", pod["spec"]["podMetricsEndpoints"][0]),
    ):
        assert endpoint["path"] == "/metrics"
        assert endpoint["port"] in {port["name"] for port in container_of(found[maker])["ports"]}
        (named,) = (each for each in endpoint["relabelings"] if each["targetLabel"] == "job")
        jobs[maker] = named["replacement"]
    assert jobs == {"facepass-api": "facepass", "facepass-worker": "facepass-worker"}
    for monitor in (service, pod):
        assert monitor["metadata"]["labels"]["release"] == "prometheus"
    if ALERTS.is_file():
        text = ALERTS.read_text(encoding="utf-8")
        assert all(f'job="{job}"' in text for job in jobs.values())


def test_the_rules_are_the_alerts_as_they_are() -> None:
    if not ALERTS.is_file():
        pytest.skip("there are no alerts in this checkout")
    (rule,) = of_kind(made("monitoring"), "PrometheusRule").values()
    assert rule["spec"] == yaml.safe_load(ALERTS.read_text(encoding="utf-8"))


def test_nothing_of_the_operator_is_made_unless_asked_for() -> None:
    for variant in ("minimal", "production"):
        assert not [found for found in made(variant) if found["apiVersion"].startswith("monitoring.coreos.com/")]
