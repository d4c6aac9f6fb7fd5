"""The simulation behind `docs/capacity.md`, against what is known of its parts, and the document against it."""

import importlib.util
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def capacity() -> ModuleType:
    spec = importlib.util.spec_from_file_location("capacity", ROOT / "benchmarks" / "capacity.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_sessions_are_as_large_on_average_as_assumed(capacity: ModuleType) -> None:
    sizes = capacity.session_sizes(200_000, capacity.Assumed(), np.random.default_rng(1))
    assert sizes.min() >= 1
    assert sizes.mean() == pytest.approx(3000, rel=0.03)


def test_popularity_is_a_share_and_uneven(capacity: ModuleType) -> None:
    shares = capacity.popularity(10_000, capacity.Assumed(), np.random.default_rng(1))
    assert shares.sum() == pytest.approx(1)
    assert np.sort(shares)[-100:].sum() > 0.3


def test_a_day_has_the_mean_and_the_peak_that_are_asked_for(capacity: ModuleType) -> None:
    hours = np.linspace(0, 24, 2400, endpoint=False)
    rates = capacity.diurnal(3.0, hours)
    assert rates.mean() == pytest.approx(1, rel=1e-3)
    assert rates.max() == pytest.approx(3, rel=1e-3)
    assert hours[int(np.argmax(rates))] == pytest.approx(20)


@pytest.mark.parametrize(
    ("capacity_bytes", "expected"),
    [(2, (0.0, 1.0)), (3, (1.0, 0.0)), (0, (0.0, 1.0))],
)
def test_a_cache_of_the_last_used(capacity: ModuleType, capacity_bytes: int, expected: tuple[float, float]) -> None:
    requests = [0, 1, 2] * 10
    assert capacity.cached(requests, [1, 1, 1], capacity_bytes, warm=3) == expected


def test_what_was_used_last_stays(capacity: ModuleType) -> None:
    assert capacity.cached([0, 1, 0, 2, 0, 1], [1, 1, 1], 2, warm=0) == (2 / 6, 4 / 6)


def test_one_more_shard_moves_its_share_and_only_to_itself(capacity: ModuleType) -> None:
    sessions = np.arange(20_000)
    before, after = capacity.rendezvous(sessions, 4), capacity.rendezvous(sessions, 5)
    moved = before != after
    assert moved.mean() == pytest.approx(1 / 5, abs=0.01)
    assert set(after[moved]) == {4}
    assert capacity.imbalance(before, np.ones(len(sessions)), 4) < 1.05


def test_imbalance_is_the_fullest_over_the_mean(capacity: ModuleType) -> None:
    assert capacity.imbalance(np.array([0, 0, 1]), np.array([2.0, 1.0, 1.0]), 2) == 1.5


@pytest.mark.parametrize("utilisation", [0.5, 0.8])
def test_one_server_waits_as_pollaczek_and_khinchine_say(capacity: ModuleType, utilisation: float) -> None:
    stayed = capacity.queue_times(1, utilisation, 200_000, np.random.default_rng(1))
    squared_variation = math.exp(0.35**2) - 1
    expected = 1 + utilisation * (1 + squared_variation) / 2 / (1 - utilisation)
    assert stayed.mean() == pytest.approx(expected, rel=0.05)


def test_more_cores_in_one_queue_wait_less(capacity: ModuleType) -> None:
    few, many = (
        np.quantile(capacity.queue_times(cores, 0.9, 20_000, np.random.default_rng(1)), 0.95) for cores in (2, 16)
    )
    assert many < few


def test_needs_follow_from_what_is_put_in(capacity: ModuleType) -> None:
    measured, assumed = capacity.Measured(), capacity.Assumed()
    one, ten = (capacity.needs(faces, measured, assumed) for faces in (10**6, 10**7))
    assert ten.disk_gib == pytest.approx(10 * one.disk_gib)
    assert one.search_cores == math.ceil(1000 * (measured.inference_ms + measured.search_ms) / 1000 / 0.6)
    cheaper = capacity.needs(10**6, measured, replace(assumed, core_month=assumed.core_month / 2))
    assert cheaper.euros < one.euros
    assert capacity.needs(10**9, measured, assumed).shards > 1


def test_the_document_shows_what_the_command_prints(
    capacity: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    document = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["capacity.py"])
    monkeypatch.setattr(capacity, "REQUESTS", 1000)  # the table of the cache takes seconds, and is not compared
    capacity.main()
    needed = capsys.readouterr().out.split("###")[1].partition("\n\n")[2].strip()
    assert needed in document
