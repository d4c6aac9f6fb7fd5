"""Writes the dashboards beside this folder: `python deploy/grafana/source/write_dashboards.py`.

What is written is what Grafana reads; change the boards here, not there. A test sees that both agree.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import board_database
import board_jobs
import board_recognition
import board_service
from panels import COLUMNS, DATASOURCE, Json, Panel, Row

HERE = Path(__file__).resolve().parent
SCHEMA_VERSION = 39
"""Of Grafana 11.0; later ones read it and move it up."""
BOARDS = {
    "service": board_service.BOARD,
    "recognition": board_recognition.BOARD,
    "database": board_database.BOARD,
    "jobs": board_jobs.BOARD,
}
"""By the name of the file: a title, a description, rows and panels."""

Item = Panel | Row


def dashboard(name: str, title: str, description: str, items: Sequence[Item]) -> Json:
    """One dashboard as Grafana keeps it."""
    return {
        "uid": f"facepass-{name}",
        "title": f"FacePass: {title}",
        "description": description,
        "tags": ["facepass"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [
            {"type": "dashboards", "title": "FacePass", "tags": ["facepass"], "asDropdown": False, "keepTime": True}
        ],
        "templating": {"list": [_datasource(), _instance()]},
        "panels": placed(items),
    }


def placed(items: Sequence[Item]) -> list[Json]:
    """Panels from left to right, a new line where the next one finds no room."""
    found: list[Json] = []
    left = top = height = 0
    for number, item in enumerate(items, start=1):
        if isinstance(item, Row):
            top, left, height = top + height, 0, 0
            found.append(item.json(number, top))
            top += 1
            continue
        if left + item.width > COLUMNS:
            top, left, height = top + height, 0, 0
        found.append(item.json(number, left, top))
        left, height = left + item.width, max(height, item.height)
    return found


def written(board: Json) -> str:
    """As JSON with a line for each panel, so that a change shows where it is."""
    lines = []
    for key, value in board.items():
        if key == "panels":
            panels = ",\n".join(f"    {json.dumps(panel, ensure_ascii=False)}" for panel in value)
            lines.append(f'  "panels": [\n{panels}\n  ]')
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def files() -> dict[Path, str]:
    """What is to stand in which file."""
    return {HERE.parent / f"{name}.json": written(dashboard(name, *board)) for name, board in BOARDS.items()}


def _datasource() -> Json:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}


def _instance() -> Json:
    query = 'label_values(up{job=~"facepass(-worker)?"}, instance)'
    return {
        "name": "instance",
        "label": "Process",
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "instances"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(HERE.parents[2]))
