"""Models as a person reads of them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # at runtime this would import the models' own libraries
    from facepass.entrypoints.models import ModelDetails, ModelSummary, Verification
    from facepass.entrypoints.quantisation import Quantisation

STATE_STYLES = {"ready": "green", "missing": "dim", "damaged": "bold red", "licence_not_accepted": "yellow"}


def listed(models: "Sequence[ModelSummary]") -> RenderableType:
    """All models in a table."""
    table = _table("model", "role", "state", "in force", "commercial use", "licence")
    for model in models:
        table.add_row(
            Text(model.name),
            model.role,
            _state(model.state),
            "yes" if model.in_force else "",
            "yes" if model.commercial_use else "no",
            Text(model.licence),
        )
    return table


def shown(model: "ModelDetails") -> RenderableType:
    """All of one model, a line a field."""
    summary, calibration = model.summary, model.calibration
    facts: list[tuple[str, str | Text]] = [
        ("state", _state(summary.state)),
        ("in force", "yes" if summary.in_force else "no"),
        ("file", model.path),
        ("sha256", model.sha256 or "known once it is built here"),
        ("manifest", "shipped" if summary.shipped else "in MODELS_DIR"),
        ("checked against", "a record of what it computes" if model.golden else "nothing yet: install records it"),
    ]
    if calibration is not None:
        measured = f"{calibration.pictures} pictures of {calibration.people} people, {calibration.date}"
        facts += [
            ("similarity 0.5 at", f"cosine {calibration.operating_point:g}, slope {calibration.slope:g}"),
            ("calibrated on", calibration.basis),
            ("", measured if model.calibration_measured else "taken over; facepass calibrate measures it"),
        ]
    table = _facts(facts)
    manifest = _facts(list(_flat(msgspec.to_builtins(model.manifest))))
    return Group(Text(f"{summary.name}: {summary.title}", style="bold"), table, Text(), manifest)


def verified(verdicts: "Sequence[Verification]") -> RenderableType:
    """How models stand, and what is wrong with those that do not."""
    table = _table("model", "state", "found")
    for verdict in verdicts:
        if verdict.problem is not None:
            found = Text(verdict.problem, style="red")
        elif verdict.golden_known:
            found = Text("file, licence and graph are right; computes what is on record")
        else:
            found = Text("file, licence and graph are right; nothing on record yet, facepass models install records it")
        table.add_row(Text(verdict.name), _state(verdict.state), found)
    return table


def quantised(made: "Quantisation") -> RenderableType:
    """What an int8 model is worth."""
    faster = made.fp32_ms / made.int8_ms
    facts: list[tuple[str, str | Text]] = [
        ("model", made.name),
        ("file", made.file),
        ("recipe", made.recipe),
        ("ranges from", f"{made.faces} faces"),
        (
            "cosine to float",
            f"mean {made.mean_cosine:.4f}, least {made.least_cosine:.4f}, over {made.held_out_faces} other faces",
        ),
        ("ms a face", f"{made.fp32_ms:.1f} before, {made.int8_ms:.1f} after: {faster:.1f} times as fast"),
        ("similarity", "taken over from the float model; facepass calibrate measures it"),
    ]
    return _facts(facts)


def _flat(value: Mapping[str, Any], path: str = "") -> "list[tuple[str, str | Text]]":
    """The manifest's fields, dotted as errors name them."""
    lines: list[tuple[str, str | Text]] = []
    for name, inner in value.items():
        field = f"{path}{name}"
        if isinstance(inner, Mapping):
            lines += _flat(inner, f"{field}.")
        elif field not in {"name", "title"} and not field.startswith("calibration."):
            lines.append((field, inner if isinstance(inner, str) else msgspec.json.encode(inner).decode()))
    return lines


def _state(state: str) -> Text:
    return Text(state.replace("_", " "), style=STATE_STYLES[state])


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column == "model")
    return table


def _facts(facts: "Sequence[tuple[str, str | Text]]") -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in facts:
        table.add_row(name, Text(fact) if isinstance(fact, str) else fact)
    return table
