"""What the chart refuses: values that it does not know, and those that would make no installation."""

from typing import Any

import helm_python
import pytest

from facepass.entrypoints.environment import known_names, secret_names
from facepass.entrypoints.settings import USUAL_LEAD_S, Server, Uploads
from tests.integration.kubernetes.support import CHART, OWNED, VARIANTS, rendered, values_of


def refusal(changes: dict[str, Any], *, variant: str = "production") -> str:
    with pytest.raises(helm_python.HelmError) as refused:
        rendered(values_of(VARIANTS[variant], changes))
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"setings": {}}, "setings"),
        ({"api": {"replica": 3}}, "replica"),
        ({"settings": {"LOG_LEVLE": "INFO"}}, "LOG_LEVLE"),
        ({"settings": {"LOG_LEVEL": "LOUD"}}, "LOG_LEVEL"),
        ({"settings": {"DB_POOL_MAX": 0}}, "DB_POOL_MAX"),
        ({"settings": {"SECRET_KEY": "plain"}}, "SECRET_KEY"),
        ({"settings": {"API_PORT": 9000}}, "API_PORT"),
        ({"settings": {"MAX_UPLOAD_BYTES": None}}, "MAX_UPLOAD_BYTES"),
        ({"secrets": {"SECRET_KEY": "plain"}}, "SECRET_KEY"),
        ({"secrets": {"LOG_LEVEL": {"name": "a", "key": "b"}}}, "LOG_LEVEL"),
        ({"backup": {"settings": {"S3_SECRET_KEY": "x"}}}, "S3_SECRET_KEY"),
        ({"image": {"digest": "sha256:abc"}}, "digest"),
        ({"ingress": {"controller": "iis"}}, "controller"),
        *(
            ({"ingress": {"paths": [path]}}, "paths")
            for path in ("/", "/api", "/api/v1", "/metrics", "/api/v2/metrics", "/health/ready", "/api/v1/health")
        ),
        ({"networkPolicy": {"egress": {"database": {"to": [{}]}}}}, "database"),
    ],
)
def test_the_schema_refuses_by_name(changes: dict[str, Any], named: str) -> None:
    assert named in refusal(changes)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"secrets": {"SECRET_KEY": None}}, "secrets.SECRET_KEY"),
        ({"secrets": {"JWT_SECRET_KEY": None}}, "secrets.JWT_SECRET_KEY"),
        ({"settings": {"POSTGRES_HOST": None}}, "no database"),
        ({"photos": {"existingClaim": "photos"}}, "two places for photos"),
        ({"backup": {"to": ""}}, "backup.to"),
        ({"backup": {"to": "/backups"}}, "backup.existingClaim"),
        ({"backup": {"to": "/elsewhere", "existingClaim": "backups"}}, "/backups"),
        ({"ingress": {"host": ""}}, "ingress.host"),
        ({"api": {"autoscaling": {"minReplicas": 11}}}, "api.autoscaling"),
        ({"networkPolicy": {"ingressFrom": []}}, "networkPolicy.ingressFrom"),
        ({"networkPolicy": {"egress": {"database": {"to": []}}}}, "egress.database"),
        ({"networkPolicy": {"egress": {"redis": {"to": []}}}}, "egress.redis"),
        ({"networkPolicy": {"egress": {"objectStore": {"to": []}}}}, "egress.objectStore"),
        ({"monitoring": {"enabled": True}}, "networkPolicy.metricsFrom"),
    ],
)
def test_what_makes_no_installation_is_refused_with_what_to_do(changes: dict[str, Any], told: str) -> None:
    assert told in refusal(changes)


def test_all_that_is_wrong_is_told_at_once() -> None:
    told = refusal({"secrets": {"SECRET_KEY": None, "JWT_SECRET_KEY": None}, "ingress": {"host": ""}})
    assert all(name in told for name in ("SECRET_KEY", "JWT_SECRET_KEY", "ingress.host"))


def test_the_defaults_alone_are_no_installation() -> None:
    with pytest.raises(helm_python.HelmError, match="no database"):
        rendered({})


def test_defaults_that_the_chart_repeats_are_those_of_facepass() -> None:
    """Others follow from them, so they have to stand in it."""
    with helm_python.Chart.load(CHART) as chart:
        settings = chart.values["settings"]
    assert settings == {
        "ENVIRONMENT": "production",
        "MAX_UPLOAD_BYTES": Uploads().max_upload_bytes,
        "MAX_SPOOLED_BYTES": Uploads().max_spooled_bytes,
        "SHUTDOWN_LEAD_S": USUAL_LEAD_S,
        "SHUTDOWN_GRACE_S": Server().shutdown_grace_s,
    }


def test_every_setting_is_admitted_or_the_charts_own() -> None:
    with helm_python.Chart.load(CHART) as chart:
        definitions = chart.schema["definitions"]
    assert definitions["settings"]["properties"].keys() == known_names().keys() - secret_names() - OWNED
    assert definitions["secrets"]["properties"].keys() == secret_names()
