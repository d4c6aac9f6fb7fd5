"""The reference of metrics is made of the metrics, complete, and committed as made."""

from pathlib import Path

import pytest

from facepass.entrypoints import metrics_reference, reference

COMMITTED = Path(__file__).parents[3] / "docs" / "metrics.md"
THEIRS = {"process", "python"}
"""What begins like this is described by the Python client."""


def test_the_committed_file_is_what_the_metrics_give() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == metrics_reference.page(), "run `make docs`"


def test_every_metric_is_described_once_in_a_sentence() -> None:
    entries = list(metrics_reference.entries(metrics_reference.complete_registry()))
    assert len({entry.name for entry in entries}) == len(entries) > 40
    for entry in entries:
        assert "|" not in entry.meaning
        if entry.name.partition("_")[0] not in THEIRS:
            assert entry.meaning.endswith("."), entry.name


@pytest.mark.parametrize(
    ("name", "kind", "labels"),
    [
        ("http_requests_total", "counter", ("method", "route", "status")),
        ("inference_seconds", "histogram", ("step",)),
        ("facepass_model_info", "info", ("device", "dimension", "model", "role")),
        ("job_units", "gauge", ("state",)),
        ("search_recall", "gauge", ("index",)),
        ("circuit_breaker_state", "gauge", ("dependency",)),
        ("db_connections_waiting", "gauge", ()),
        ("stored_bytes", "gauge", ()),
    ],
)
def test_names_and_labels_are_those_of_queries(name: str, kind: str, labels: tuple[str, ...]) -> None:
    found = {entry.name: entry for entry in metrics_reference.entries(metrics_reference.complete_registry())}
    assert (found[name].kind, found[name].labels) == (kind, labels)


def test_the_command_writes_either_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["metrics"]) == 0
    assert capsys.readouterr().out == metrics_reference.page()
    assert reference.main([]) == 0
    assert capsys.readouterr().out == reference.page()
    assert reference.main(["metric"]) == 2
    assert "usage" in capsys.readouterr().err
