"""One machine with the everyday files and those of the monitoring, for all tests here that need one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.compose.machine import Machine, machine
from tests.integration.compose.model import BASE, MONITORING, containers, make_env, merged

SOONER = (
    (r"(scrape_interval|evaluation_interval): 15s", r"\1: 1s"),
    (r"scrape_timeout: 10s", "scrape_timeout: 1s"),
)
ALERT_SOONER = (r"(?s)(alert: FacePassDown\n.*?for:) 1m", r"\1 2s")
CHANGES = {"prometheus": (*SOONER, ALERT_SOONER), "alertmanager": ((r"group_wait: 10s", "group_wait: 1s"),)}


@pytest.fixture(scope="package")
def env_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `.env` as users make it."""
    return make_env(tmp_path_factory.mktemp("env"))


@pytest.fixture(scope="package")
def secrets_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets in files, as users make them."""
    folder = tmp_path_factory.mktemp("secrets")
    make_env(folder, "secrets")
    return folder / "secrets"


@pytest.fixture(scope="package")
def started(env_file: Path, onnx_models_dir: Path) -> Iterator[Machine]:
    """docker-compose.yml with docker-compose.monitoring.yml: everything that can be run here."""
    model = merged((BASE, MONITORING), env_file)
    with machine(containers(model, profiles=False), onnx_models_dir, CHANGES) as made:
        made.up()
        yield made
