"""What is published, how large it may be, and who reaches whom."""

import re
from functools import cache
from typing import Any

import pytest

from facepass.application.search_gallery import MAX_SELFIES
from facepass.entrypoints.container import build_container
from facepass.entrypoints.http.app import create_app
from facepass.entrypoints.http.batch import MAX_JSON_BYTES
from facepass.entrypoints.http.forms import FormSpec
from facepass.entrypoints.settings import Settings
from tests.integration.kubernetes.support import Manifests, Object, changed, made, of_kind, pods

INSIDE = re.compile(r"^(/api/v[12])?/(metrics|health)(/|$)")
"""What tells of the service's inside, under whichever prefix."""
SIZE_OF = {
    "nginx": "nginx.ingress.kubernetes.io/proxy-body-size",
    "nginx-org": "nginx.org/client-max-body-size",
    "haproxy": "haproxy-ingress.github.io/proxy-body-size",
}


def ingress(**changes: Any) -> Object:
    (found,) = of_kind(changed(ingress=changes), "Ingress").values()
    return found


@cache
def routes() -> set[str]:
    return {route.path for route in create_app(build_container(Settings())).routes}


def published(path: str, found: Object) -> bool:
    """As Kubernetes defines `Prefix`: element by element."""
    (rule,) = found["spec"]["rules"]
    prefixes = [each["path"] for each in rule["http"]["paths"] if each["pathType"] == "Prefix"]
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in prefixes)


def test_everything_is_published_but_what_tells_of_the_inside() -> None:
    found = ingress()
    for path in routes():
        assert published(path, found) is not bool(INSIDE.match(path) or path == "/"), path
    assert {"/metrics", "/api/v1/metrics", "/api/v2/health/detailed"} <= routes()


def test_every_path_is_a_route_of_the_service() -> None:
    (rule,) = ingress()["spec"]["rules"]
    for each in rule["http"]["paths"]:
        assert any(path == each["path"] or path.startswith(f"{each['path']}/") for path in routes()), each["path"]


@pytest.mark.parametrize("controller", sorted(SIZE_OF))
@pytest.mark.parametrize("upload_bytes", [100_000, 10 * 1024 * 1024, 33_000_001])
def test_the_ingress_lets_in_the_largest_body_that_the_service_takes(controller: str, upload_bytes: int) -> None:
    largest = FormSpec(frozenset(), frozenset({"file"}), upload_bytes, files_each=MAX_SELFIES).max_bytes
    manifests = changed(ingress={"controller": controller}, settings={"MAX_UPLOAD_BYTES": upload_bytes})
    (found,) = of_kind(manifests, "Ingress").values()
    text = found["metadata"]["annotations"][SIZE_OF[controller]]
    assert text.endswith("m")
    admitted = int(text.removesuffix("m")) * 1024 * 1024
    assert max(largest, MAX_JSON_BYTES) < admitted < max(largest, MAX_JSON_BYTES) + 3 * 1024 * 1024


def test_other_controllers_are_told_by_annotations_of_ones_own() -> None:
    own = {"example.org/body": "60m"}
    assert ingress(controller="other", annotations=own)["metadata"]["annotations"] == own
    assert "annotations" not in ingress(controller="other")["metadata"]
    kept = ingress(annotations={SIZE_OF["haproxy"]: "99m"})["metadata"]["annotations"]
    assert kept[SIZE_OF["haproxy"]] == "99m"


def test_the_ingress_leads_to_the_service(manifests: Manifests) -> None:
    services = of_kind(manifests, "Service")
    for found in of_kind(manifests, "Ingress").values():
        (rule,) = found["spec"]["rules"]
        assert found["spec"]["tls"] == [{"hosts": [rule["host"]], "secretName": "faces-example-org-tls"}]
        for each in rule["http"]["paths"]:
            backend = each["backend"]["service"]
            ports = services[backend["name"]]["spec"]["ports"]
            assert backend["port"]["name"] in {port["name"] for port in ports}


def test_nothing_is_published_past_the_ingress(manifests: Manifests) -> None:
    assert {service["spec"].get("type", "ClusterIP") for service in of_kind(manifests, "Service").values()} == {
        "ClusterIP"
    }


def policies_of(manifests: Manifests, maker: str) -> list[Object]:
    labels = dict(pods(manifests))[maker]["metadata"]["labels"]
    return [
        policy["spec"]
        for policy in of_kind(manifests, "NetworkPolicy").values()
        if policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()
    ]


def test_each_pod_has_one_policy_that_speaks_of_both_directions(manifests: Manifests) -> None:
    for maker, _ in pods(manifests):
        (policy,) = policies_of(manifests, maker)
        assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_no_rule_lets_everybody_through(manifests: Manifests) -> None:
    """A rule without peers, a peer without a selector, and a rule without ports would."""
    for policy in of_kind(manifests, "NetworkPolicy").values():
        for direction, side in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"][direction] or []:
                assert rule[side]
                assert rule["ports"]
                for peer in rule[side]:
                    assert peer
                    assert all(peer.values()), peer


def ports_out(manifests: Manifests, maker: str) -> set[Any]:
    (policy,) = policies_of(manifests, maker)
    return {port["port"] for rule in policy["egress"] or [] for port in rule["ports"]}


def ports_in(manifests: Manifests, maker: str) -> dict[Any, int]:
    """From port to the number of peers that reach it."""
    (policy,) = policies_of(manifests, maker)
    return {rule["ports"][0]["port"]: len(rule["from"]) for rule in policy["ingress"] or []}


def test_each_part_reaches_what_it_needs_and_nothing_else() -> None:
    manifests = made("monitoring")
    services = {53, 5432, 6379, 443, 4318}
    assert ports_out(manifests, "facepass-api") == services
    assert ports_out(manifests, "facepass-worker") == services
    assert ports_out(manifests, "facepass-migrate") == {53, 5432}
    assert ports_out(manifests, "facepass-backup") == {53, 5432, 443}
    assert ports_out(manifests, "facepass-test-health") == {53, "http"}


def test_who_reaches_what() -> None:
    monitoring, production, minimal = made("monitoring"), made("production"), made("minimal")
    assert ports_in(monitoring, "facepass-api") == {"http": 3}  # the ingress controller, Prometheus, `helm test`
    assert ports_in(production, "facepass-api") == {"http": 2}
    assert ports_in(minimal, "facepass-api") == {"http": 1}
    assert ports_in(monitoring, "facepass-worker") == {"metrics": 1}
    assert ports_in(production, "facepass-worker") == {}
    for maker in ("facepass-migrate", "facepass-backup", "facepass-test-health"):
        assert ports_in(monitoring, maker) == {}


def test_policies_may_be_left_to_others() -> None:
    assert of_kind(changed(networkPolicy={"enabled": False}), "NetworkPolicy") == {}
