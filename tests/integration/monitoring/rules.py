"""The files that are watched with, read: alerts, their cases, dashboards, runbooks, and the names in their queries."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[3]
PROMETHEUS = REPOSITORY / "deploy" / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"
CASES = PROMETHEUS / "tests"
GRAFANA = REPOSITORY / "deploy" / "grafana"
BOARDS = ("service", "recognition", "database", "jobs")
ALERTMANAGER = REPOSITORY / "deploy" / "alertmanager" / "alertmanager.yml"
RUNBOOKS = REPOSITORY / "docs" / "runbooks"
TIMEOUT_S = 120

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
LABELS = re.compile(r"\{[^{}]*\}")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")
NAME = re.compile(r"(?<![\w$.:])[a-zA-Z_:][\w:]*(?!\w)(?!\s*\()")
KEYWORDS = frozenset({"and", "or", "unless", "bool", "by", "offset", "sum", "max", "min", "avg", "count", "inf", "nan"})
FENCED = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUERY = re.compile(r'query "((?:[^"\\]|\\.)*)"|printf "((?:[^"\\]|\\.)*)"')


def program(name: str) -> str:
    """Path of a program of Debian's; the test is skipped where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed (Debian: prometheus, prometheus-alertmanager)")
    return found


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run it; what it says, and how it ends, is the caller's."""
    command = [program("promtool"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - Debian's


@dataclass(frozen=True)
class Panel:
    """A query of a dashboard.

    Attributes:
        where: dashboard, panel and letter, for people.
    """

    where: str
    expr: str


def alerts() -> list[dict[str, Any]]:
    """Every alert, in order."""
    groups = yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def cases() -> Iterator[tuple[str, bool]]:
    """Every case of every alert: its name, and whether it is to fire."""
    for path in sorted(CASES.glob("*.yml")):
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            for case in test["alert_rule_test"]:
                yield case["alertname"], bool(case["exp_alerts"])


def board(name: str) -> dict[str, Any]:
    """A dashboard."""
    return dict(json.loads((GRAFANA / f"{name}.json").read_text(encoding="utf-8")))


def panels() -> list[Panel]:
    """Every query of every dashboard."""
    return [
        Panel(f"{name}: {panel['title']} {target['refId']}", target["expr"])
        for name in BOARDS
        for panel in board(name)["panels"]
        for target in panel.get("targets", ())
    ]


def substituted(expr: str) -> str:
    """With every process, and a window in which whatever the tests do lies."""
    return expr.replace("$instance", ".*").replace("$__rate_interval", "5m")


def metric_names(expr: str) -> set[str]:
    """Of the series that a query asks for."""
    bare = STRING.sub('""', expr.replace("$__rate_interval", "5m"))
    bare = LABELS.sub("", re.sub(r"#.*", "", bare))
    return set(NAME.findall(GROUPING.sub("", bare))) - KEYWORDS


def queries_in_words(rule: dict[str, Any]) -> Iterator[str]:
    """Queries within the annotations of an alert."""
    for text in rule["annotations"].values():
        for direct, pattern in QUERY.findall(text):
            yield (direct or pattern.replace("%q", '"x"')).replace('\\"', '"')


def runbook_queries() -> list[tuple[str, str]]:
    """Page and query, a line each."""
    return [(path.name, line) for path, kind, line in _fenced_lines() if kind == "promql"]


def runbook_commands() -> list[tuple[str, list[str]]]:
    """Page and words of each `facepass` command."""
    return [
        (path.name, shlex.split(line, comments=True))
        for path, kind, line in _fenced_lines()
        if kind == "sh" and line.startswith("facepass ")
    ]


def _fenced_lines() -> Iterator[tuple[Path, str, str]]:
    for path in sorted(RUNBOOKS.glob("*.md")):
        for kind, block in FENCED.findall(path.read_text(encoding="utf-8")):
            for line in block.splitlines():
                if line.strip():
                    yield path, kind, line
