"""What scrapes look up: the machine, the pool, and what was read of the store last."""

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from facepass.adapters.system.memory_limit import memory_limit_bytes
from facepass.adapters.telemetry.machine import MachineGauges
from facepass.adapters.telemetry.registry import new_registry
from facepass.adapters.telemetry.store_gauges import StoreGauges
from facepass.application.check_upkeep import Upkeep
from facepass.application.ports import StoreTotals
from facepass.domain.job import JobBacklog
from tests.clocks import BEGIN, HandClock

MACHINE = memory_limit_bytes(root=Path("/nowhere"))
GIB = 1 << 30


def group(root: Path, membership: str, **limits: str) -> Path:
    """A machine's /proc and /sys: a process in a control group, and limits by file."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(membership)
    for path, limit in limits.items():
        file = root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit)
    return root


@pytest.mark.parametrize(
    ("membership", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "12345\n"}, 12345),
        ("0::/\n", {"memory.max": "max\n"}, MACHINE),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "500\n", "memory.max": "900\n"}, 500),
        ("0::/of/the/host\n", {"memory.max": "700\n"}, 700),
        ("4:cpu:/x\n3:memory:/x\n", {"memory/x/memory.limit_in_bytes": "800\n"}, 800),
        ("3:memory:/x\n", {"memory/x/memory.limit_in_bytes": "9223372036854771712\n"}, MACHINE),
        ("1:cpu:/\n", {}, MACHINE),
        ("", {}, MACHINE),
    ],
)
def test_the_least_limit_of_memory_counts(
    tmp_path: Path, membership: str, limits: dict[str, str], expected: int
) -> None:
    assert memory_limit_bytes(root=group(tmp_path, membership, **limits)) == expected


def test_a_folder_that_is_not_made_yet_has_the_room_of_its_disk(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    MachineGauges(tmp_path / "not" / "yet", memory_limit=lambda: GIB, registry=registry)
    free, size, limit = (
        registry.get_sample_value(name) for name in ("data_dir_free_bytes", "data_dir_size_bytes", "memory_limit_bytes")
    )
    assert free is not None
    assert size is not None
    assert 0 < free < size
    assert limit == GIB


def test_what_cannot_be_found_out_is_left_out(tmp_path: Path) -> None:
    def unknown() -> int:
        raise OSError

    registry = CollectorRegistry()
    MachineGauges(tmp_path, memory_limit=unknown, registry=registry)
    assert registry.get_sample_value("memory_limit_bytes") is None
    assert registry.get_sample_value("data_dir_size_bytes") is not None


def test_a_process_tells_what_it_is() -> None:
    registry = new_registry(version="1.2.3")
    text = generate_latest(registry).decode()
    assert 'facepass_build_info{python="3.' in text
    assert 'version="1.2.3"} 1.0' in text
    for name in ("process_resident_memory_bytes", "process_open_fds", "process_max_fds", "process_cpu_seconds_total"):
        assert registry.get_sample_value(name) is not None, name
    assert registry.get_sample_value("python_gc_collections_total", {"generation": "0"}) is not None


class Gauges:
    """What is told of a store, and when."""

    def __init__(self) -> None:
        self.clock, self.registry = HandClock(), CollectorRegistry()
        self.gauges = StoreGauges(clock=self.clock, registry=self.registry)

    def values(self) -> dict[str, float]:
        found = [sample for family in self.registry.collect() for sample in family.samples]
        return {"".join([sample.name, *sample.labels.values()]): sample.value for sample in found}


def test_what_was_not_read_is_absent() -> None:
    gauges = Gauges()
    assert gauges.values() == {}
    gauges.gauges.show_totals(StoreTotals(1, 2, 3, size_bytes=4))
    assert gauges.values() == {"stored_sessions": 1, "stored_photos": 2, "stored_faces": 3, "stored_bytes": 4}
    gauges.gauges.show_totals(StoreTotals(1, 2, 3, size_bytes=None))
    assert "stored_bytes" not in gauges.values()
    gauges.gauges.show_totals(None)
    assert gauges.values() == {}


def test_ages_are_as_of_the_scrape() -> None:
    gauges = Gauges()
    gauges.gauges.show_upkeep(Upkeep(JobBacklog(5, 2, BEGIN - timedelta(seconds=40)), BEGIN - timedelta(days=1)))
    gauges.clock.pass_s(20)
    backup = (BEGIN - timedelta(days=1)).timestamp()
    assert gauges.values() == {
        "job_unitsqueued": 5,
        "job_unitsfailed": 2,
        "job_queue_age_seconds": 60,
        "backup_last_success_timestamp_seconds": backup,
    }


def test_no_queue_has_no_age_and_clocks_that_disagree_make_none() -> None:
    gauges = Gauges()
    gauges.gauges.show_upkeep(Upkeep(JobBacklog(0, 0, None), None))
    assert gauges.values() == {"job_unitsqueued": 0, "job_unitsfailed": 0, "job_queue_age_seconds": 0}
    gauges.gauges.show_upkeep(Upkeep(JobBacklog(1, 0, BEGIN + timedelta(seconds=5)), None))
    assert gauges.values()["job_queue_age_seconds"] == 0
