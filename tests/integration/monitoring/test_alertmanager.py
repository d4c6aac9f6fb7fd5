"""Who is told of what, by a real Alertmanager with our configuration."""

import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from facepass.entrypoints.demo.service_process import free_port
from tests.integration.monitoring import rules

START_TIMEOUT_S = 30.0
POLL_S = 0.05
SETTLED_S = 0.5
"""Until what came has been looked at: causes reach whoever holds back what follows by a queue."""


def amtool(*arguments: str) -> str:
    command = [rules.program("amtool"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603 - Debian's


def test_the_configuration_is_right() -> None:
    assert "SUCCESS" in amtool("check-config", str(rules.ALERTMANAGER))


@pytest.mark.parametrize(
    ("severity", "receiver"), [("critical", "on-call"), ("warning", "operators"), ("info", "operators")]
)
def test_severity_decides_who_is_told(severity: str, receiver: str) -> None:
    arguments = ("config", "routes", "test", f"--config.file={rules.ALERTMANAGER}")
    assert amtool(*arguments, f"severity={severity}", "alertname=FacePassX").strip() == receiver


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """One with our configuration; its mail goes nowhere."""
    port, folder = free_port(), tmp_path_factory.mktemp("alertmanager")
    command = [
        rules.program("prometheus-alertmanager"),
        f"--config.file={rules.ALERTMANAGER}",
        f"--storage.path={folder}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with (
        Path(folder, "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,  # noqa: S603 - Debian's
        httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client,
    ):
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while not _ready(client):
                assert process.poll() is None, Path(folder, "log").read_text()
                assert time.monotonic() < deadline
                time.sleep(POLL_S)
            yield client
        finally:
            process.terminate()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/-/ready").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


API, WORKER = {"job": "facepass", "instance": "a:8000"}, {"job": "facepass-worker", "instance": "w:9100"}


@pytest.mark.parametrize(
    ("cause", "follows", "told"),
    [
        (
            {"alertname": "FacePassBreakerOpen", "dependency": "database", **API},
            {"alertname": "FacePassErrorRatioHigh", "job": "facepass"},
            False,
        ),
        # a worker that has lost its way to the database says nothing of what visitors meet
        (
            {"alertname": "FacePassBreakerOpen", "dependency": "database", **WORKER},
            {"alertname": "FacePassErrorRatioHigh", "job": "facepass"},
            True,
        ),
        (
            {"alertname": "FacePassBreakerOpen", "dependency": "photos", **API},
            {"alertname": "FacePassErrorRatioHigh", "job": "facepass"},
            True,
        ),
        (
            {"alertname": "FacePassBreakerOpen", "dependency": "photos", **WORKER},
            {"alertname": "FacePassJobsStandStill"},
            False,
        ),
        ({"alertname": "FacePassDown"}, {"alertname": "FacePassReplicaDown", **API}, False),
        ({"alertname": "FacePassDown"}, {"alertname": "FacePassDiskFull", **API}, True),
        ({"alertname": "FacePassDiskFull", **API}, {"alertname": "FacePassDiskFilling", **API}, False),
        ({"alertname": "FacePassDiskFull", **API}, {"alertname": "FacePassDiskFilling", **WORKER}, True),
    ],
)
def test_what_follows_from_something_else_is_not_told(
    alertmanager: httpx.Client, cause: dict[str, str], follows: dict[str, str], told: bool
) -> None:
    now = datetime.now(UTC).isoformat()
    case = {"case": f"{hash((*cause.values(), *follows.values()))}"}  # so that cases do not meet
    for labels in (cause, follows):
        alertmanager.post("/api/v2/alerts", json=[{"labels": labels | case, "startsAt": now}]).raise_for_status()
    try:
        deadline = time.monotonic() + (START_TIMEOUT_S if not told else SETTLED_S)
        while _is_told(alertmanager, case["case"], follows["alertname"]) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        assert _is_told(alertmanager, case["case"], follows["alertname"]) == told
    finally:
        for labels in (cause, follows):
            over = [{"labels": labels | case, "startsAt": now, "endsAt": datetime.now(UTC).isoformat()}]
            alertmanager.post("/api/v2/alerts", json=over).raise_for_status()


def _is_told(alertmanager: httpx.Client, case: str, alertname: str) -> bool:
    matching = {"filter": [f'case="{case}"', f'alertname="{alertname}"']}
    (found,) = alertmanager.get("/api/v2/alerts", params=matching).raise_for_status().json()
    return bool(found["status"]["inhibitedBy"] == [])
