"""Every alert is whole, tried from both sides, and explained; promtool agrees."""

import re
import shutil
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from click import Context, Group

from facepass.entrypoints.metrics_reference import complete_registry
from tests.integration.monitoring import rules

SEVERITIES = {"critical", "warning", "info"}
OF_PROMETHEUS = {"up", "ALERTS"}
ONLY_WITH_TRACES = {"trace_spans_dropped_total"}
"""Of processes that send traces; a registry that is made without has none of it."""
SAMPLES = {"histogram": ("_bucket", "_sum", "_count"), "counter": ("_total",), "info": ("_info",)}
"""What is added to the names of such metrics."""

ALERTS = rules.alerts()
NAMES = [rule["alert"] for rule in ALERTS]


@pytest.fixture(scope="module")
def exposed() -> set[str]:
    """Names of all series that FacePass tells of."""
    return {
        family.name.removesuffix(suffix) + suffix
        for family in complete_registry().collect()
        for suffix in SAMPLES.get(family.type, ("",))
    } | ONLY_WITH_TRACES


@pytest.mark.parametrize("rule", ALERTS, ids=NAMES)
def test_an_alert_is_whole(rule: dict[str, Any]) -> None:
    name, annotations = rule["alert"], rule["annotations"]
    assert name.startswith("FacePass")
    assert rule["for"]
    severity = rule["labels"]["severity"]
    assert severity in SEVERITIES or all(f"}}}}{one}{{{{" in severity for one in ("critical", "warning"))
    assert set(annotations) == {"summary", "description", "runbook_url"}
    assert "{{" in annotations["description"] or not re.search(r"[<>]=? [\d.]+", rule["expr"]), "without a number"
    assert annotations["runbook_url"] == f'{{{{ or $externalLabels.docs_url "docs" }}}}/runbooks/{name}.md'
    page = (rules.RUNBOOKS / f"{name}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {name}\n")
    for heading in ("## What it means", "## Look", "## It is over when"):
        assert heading in page
    assert re.search(r"^## (Likely causes, and what to do|What to do.*)$", page, re.MULTILINE)
    severities = SEVERITIES if severity not in SEVERITIES else {severity}
    assert any(f"*{one}*" in page for one in severities)
    listed = (rules.REPOSITORY / "docs" / "monitoring.md").read_text(encoding="utf-8")
    row = re.search(rf"^\| \[{name}\]\(runbooks/{name}\.md\) \| (.*?) \| .* \| (\w+) \|$", listed, re.MULTILINE)
    assert row, "not in the table"
    assert (row[1].split()[0] in severities, row[2]) == (True, rule["for"])


def test_names_are_not_given_twice_and_no_page_is_left_over() -> None:
    assert len(NAMES) == len(set(NAMES))
    assert {path.stem for path in rules.RUNBOOKS.glob("*.md")} == {*NAMES, "README"}


@pytest.mark.parametrize("name", NAMES)
def test_an_alert_is_tried_from_both_sides(name: str) -> None:
    assert {fires for alert, fires in rules.cases() if alert == name} == {True, False}


def test_promtool_finds_the_rules_right_and_their_cases_true() -> None:
    checked = rules.promtool("check", "rules", rules.ALERTS)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tried = rules.promtool("test", "rules", *sorted(rules.CASES.glob("*.yml")))
    assert tried.returncode == 0, tried.stdout + tried.stderr


@pytest.mark.parametrize(
    ("expr", "missed_by"),
    [("vector(0) > 1", r"exp:\[\n"), ("vector(1)", r"exp:\[\]")],
    ids=["never fires", "always fires"],
)
def test_the_cases_notice_an_alert_that(expr: str, missed_by: str, tmp_path: Path) -> None:
    """Of each alert the cases of the right side fail, whatever it is about: otherwise they are worth nothing."""
    document = yaml.safe_load(rules.ALERTS.read_text(encoding="utf-8"))
    for group in document["groups"]:
        for rule in group["rules"]:
            rule |= {"expr": expr, "for": "0s", "annotations": {}}
    (tmp_path / "alerts.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
    shutil.copytree(rules.CASES, tmp_path / "tests")
    tried = rules.promtool("test", "rules", *sorted((tmp_path / "tests").glob("*.yml")))
    assert set(re.findall(rf"alertname: (\w+), time: \S+,\s+{missed_by}", tried.stdout + tried.stderr)) == set(NAMES)


def test_every_name_in_a_query_is_one_that_is_told(exposed: set[str]) -> None:
    asked = {(rule["alert"], name) for rule in ALERTS for name in rules.metric_names(rule["expr"])}
    asked |= {
        (rule["alert"], name)
        for rule in ALERTS
        for query in rules.queries_in_words(rule)
        for name in rules.metric_names(query)
    }
    asked |= {(panel.where, name) for panel in rules.panels() for name in rules.metric_names(panel.expr)}
    asked |= {(page, name) for page, query in rules.runbook_queries() for name in rules.metric_names(query)}
    unknown = {(where, name) for where, name in asked if name not in exposed | OF_PROMETHEUS}
    assert not unknown
    assert len({name for _, name in asked}) > 40  # so that the search for names finds some


def test_names_are_found_in_queries() -> None:
    query = 'sum by (job) (rate(a_total{b="c_total", d=~".*"}[5m])) / on (e) (f:g > bool 0) or max(h offset 1h) # i'
    assert rules.metric_names(query) == {"a_total", "f:g", "h"}


def test_queries_of_runbooks_are_promql(tmp_path: Path) -> None:
    found = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(rules.runbook_queries())]
    assert len(found) > len(NAMES)
    path = tmp_path / "rules.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "runbooks", "rules": found}]}), encoding="utf-8")
    checked = rules.promtool("check", "rules", path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("page", "words"), rules.runbook_commands(), ids=lambda value: value if isinstance(value, str) else "_".join(value)
)
def test_commands_of_runbooks_exist(page: str, words: list[str]) -> None:
    _, name, *arguments = words
    command = import_module(f"facepass.entrypoints.cli.commands.{name}").command
    while isinstance(command, Group):
        found = command.get_command(Context(command), arguments.pop(0))
        assert found is not None, page
        command = found
    command.make_context(name, arguments)
