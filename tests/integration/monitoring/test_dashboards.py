"""Dashboards are what their script writes, and what Grafana can show."""

import sys
from typing import Any

import pytest

from tests.integration.monitoring import rules

SOURCE = rules.GRAFANA / "source"
sys.path.append(str(SOURCE))

import write_dashboards  # noqa: E402 - of the folder above


def test_the_files_are_current() -> None:
    written = write_dashboards.files()
    assert {path.stem for path in written} == set(rules.BOARDS)
    for path, text in written.items():
        assert path.read_text(encoding="utf-8") == text, (
            f"run python {SOURCE.relative_to(rules.REPOSITORY)}/write_dashboards.py"
        )


@pytest.fixture(params=rules.BOARDS)
def board(request: pytest.FixtureRequest) -> dict[str, Any]:
    return rules.board(request.param)


def test_a_dashboard_can_be_shown(board: dict[str, Any]) -> None:
    assert board["schemaVersion"] == 39
    assert board["uid"].startswith("facepass-")
    variables = {one["name"]: one["type"] for one in board["templating"]["list"]}
    assert variables == {"datasource": "datasource", "instance": "query"}
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


def test_panels_lie_beside_one_another(board: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + column, place["y"] + row) for column in range(place["w"]) for row in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len(taken) > 24 * 20


def test_panels_explain_themselves(board: dict[str, Any]) -> None:
    shown = [panel for panel in board["panels"] if panel["type"] != "row"]
    titles = [(panel["type"], panel["title"]) for panel in shown]
    assert len(titles) == len(set(titles))
    for panel in shown:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["type"] == "stat" or panel["type"] == "table" or all(t["legendFormat"] for t in panel["targets"])
        # an instance that was chosen counts wherever processes are told apart
        for target in panel["targets"]:
            told_apart = "{{instance}}" in target["legendFormat"]
            assert not told_apart or "$instance" in target["expr"], panel["title"]
