"""Every query of every panel has a value: of a real service and worker, by a real Prometheus that collected from them.

Panels about trouble say 0, or that something was not measured, while there is none: there `or vector(…)` stands in the
query, and the panel's description says so.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fixtures_models import Pixels
from tests.integration.monitoring import rules
from tests.integration.monitoring.prometheus import Prometheus, collecting, wait_until
from tests.integration.monitoring.traffic import used

COLLECTED_TIMEOUT_S = 60.0
GAUGES = "max(stored_photos) > 0 and max(backup_last_success_timestamp_seconds) > 0"
"""Read from the database every 30 s."""

PANELS = rules.panels()


@dataclass(frozen=True)
class Collected:
    """What Prometheus knows, and when it knew all of it."""

    prometheus: Prometheus
    at_s: float


@pytest.fixture(scope="module")
def collected(
    tmp_path_factory: pytest.TempPathFactory, onnx_models_dir: Path, orl: Callable[..., Pixels]
) -> Iterator[Collected]:
    """Two rounds of use, so that what counts up is seen to do so."""
    rules.program("prometheus")
    folder = tmp_path_factory.mktemp("monitoring")
    with used(folder, onnx_models_dir, orl) as service, collecting(folder, service.addresses) as prometheus:
        for rounds in (1, 2):
            service.round()
            wait_until(
                lambda rounds=rounds: service.seen_by(prometheus, rounds),  # type: ignore[misc] # bound in the loop
                timeout_s=COLLECTED_TIMEOUT_S,
                what="Prometheus has seen what was done",
            )
        wait_until(
            lambda: prometheus.value(GAUGES) is not None,
            timeout_s=COLLECTED_TIMEOUT_S,
            what="the numbers of the database are told",
        )
        yield Collected(prometheus, time.time())


@pytest.mark.parametrize("panel", PANELS, ids=[panel.where for panel in PANELS])
def test_a_panel_has_a_value(collected: Collected, panel: rules.Panel) -> None:
    values = collected.prometheus.values(rules.substituted(panel.expr), at_s=collected.at_s)
    assert [value for value in values if not math.isnan(value)], values


def test_the_variable_lists_the_processes(collected: Collected) -> None:
    assert len(collected.prometheus.values('up{job=~"facepass(-worker)?"} == 1', at_s=collected.at_s)) == 2


def test_what_is_told_agrees_with_what_was_done(collected: Collected) -> None:
    """Two rounds: two photos and two of jobs, of one face each, three searches a round."""
    expected = {
        "max(stored_sessions)": 1,
        "max(stored_photos)": 4,
        "max(stored_faces)": 4,
        "sum(search_requests_total)": 6,
        'sum(job_units_total{outcome="done"})': 4,
        'sum(live_frames_total{outcome="answered"})': 2,
        'max(job_units{state="queued"})': 0,
        "count(facepass_build_info)": 2,
        'count(ALERTS{alertstate="firing"}) or vector(0)': 0,
    }
    found = {query: collected.prometheus.values(query, at_s=collected.at_s) for query in expected}
    assert found == {query: [value] for query, value in expected.items()}


def test_no_series_is_told_apart_by_what_callers_send(collected: Collected) -> None:
    values = collected.prometheus.labels("route") | collected.prometheus.labels("kind")
    assert "/api/v1/search" in values
    assert not [value for value in values if "gala" in value]
