"""The report as a person reads it on a terminal."""

from rich.box import SIMPLE
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facepass.entrypoints.demo.report import DemoReport, Found, Latency, Target

WORST_SHOWN = 5
REFUSED_SHOWN = 5


def view(report: DemoReport) -> RenderableType:
    """Tables and a few lines."""
    parts: list[RenderableType] = [_measures(report)]
    if report.latency:
        parts.append(_latency(report.latency))
    parts.append(_targets(report.targets))
    parts += [Text(line) for line in _remarks(report)]
    return Group(*parts)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="dim", box=SIMPLE)
    table.add_column(columns[0])
    for column in columns[1:]:
        table.add_column(column, justify="right")
    return table


def _measures(report: DemoReport) -> Table:
    indexing, found, accuracy = report.indexing, report.detection, report.accuracy
    table = _table(f"Session {report.session_id} · {report.model}", "measure", "value", "of")
    table.add_row("photos indexed", f"{indexing.photos - len(indexing.failed)}", f"{indexing.photos}")
    table.add_row("photos per second", f"{indexing.photos_per_s:.1f}", f"{indexing.seconds:.1f} s")
    table.add_row("faces found, all sizes", _share(found.every), f"{found.every.found} of {found.every.placed}")
    table.add_row(
        f"faces found, from {found.large_px:.0f} px",
        _share(found.large),
        f"{found.large.found} of {found.large.placed}",
    )
    table.add_row("detections that are no placed face", f"{found.unexpected}", f"{indexing.faces_detected}")
    threshold = "-" if accuracy.threshold is None else f"{accuracy.threshold:g}"
    table.add_section()
    for words, rates in (("all photos", accuracy.micro), ("mean of selfies", accuracy.macro)):
        table.add_row(f"recall, {words}", _number(rates.recall), f"threshold {threshold}")
        table.add_row(f"precision, {words}", _number(rates.precision), f"{report.people} selfies")
    table.add_section()
    table.add_row("memory of the service, peak", _mib(report.memory.service_mib), "resident")
    table.add_row("memory of the database, peak", _mib(report.memory.database_mib), "proportional")
    table.add_row("session drawn in", f"{report.drawing_s:.1f} s", f"seed {report.seed}")
    table.add_row("service ready after", f"{report.start_s:.1f} s", "")
    return table


def _latency(latency: Latency) -> Table:
    table = _table(f"One search ({latency.searches} selfies, one after another)", "part", "p50 ms", "p95 ms", "share")
    for words, part in (
        ("decode", latency.decode),
        ("detect", latency.detect),
        ("embed", latency.embed),
        ("database", latency.database),
        ("everything else", latency.everything_else),
    ):
        table.add_row(words, f"{part.p50_ms:.1f}", f"{part.p95_ms:.1f}", f"{part.share:.1%}")
    table.add_section()
    table.add_row("whole, at the client", f"{latency.total.p50_ms:.1f}", f"{latency.total.p95_ms:.1f}", "100.0%")
    return table


def _targets(targets: list[Target]) -> Table:
    table = _table("What it must reach", "measure", "measured", "wanted", "")
    for target in targets:
        wanted = f"≥ {target.at_least:g}" if target.at_least is not None else f"< {target.below:g}"
        verdict = {True: Text("reached", "green"), False: Text("missed", "bold red"), None: Text("not measured")}
        table.add_row(target.name, _number(target.value), wanted, verdict[target.met])
    return table


def _remarks(report: DemoReport) -> list[str]:
    by_name = {one.person: one for one in report.accuracy.selfies}
    lines = []
    for person in report.accuracy.worst[:WORST_SHOWN]:
        one = by_name[person]
        lines.append(
            f"{person}: {len(one.right)} of {one.expected} photos, {len(one.wrong)} wrong"
            + (f", refused ({one.refused})" if one.refused else "")
        )
    if lines:
        lines.insert(0, "Weakest selfies:")
    failed = list(report.indexing.failed.items())
    lines += [f"Not indexed: {photo_id}: {reason}" for photo_id, reason in failed[:REFUSED_SHOWN]]
    if len(failed) > REFUSED_SHOWN:
        lines.append(f"… and {len(failed) - REFUSED_SHOWN} more photos.")
    if failed or any(one.refused for one in report.accuracy.selfies):
        lines.append(f"What the service said: {report.service_log}")
    lines += [f"Pictures: {report.pictures}", f"Contact sheet: {report.contact_sheet}"]
    return lines


def _share(found: Found) -> str:
    return "-" if found.share is None else f"{found.share:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _mib(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.0f} MiB"
