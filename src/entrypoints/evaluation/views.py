"""Reports as a person reads them."""

from collections.abc import Callable
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facepass.domain.bootstrap import Estimate
from facepass.entrypoints.evaluation import calibration, comparison
from facepass.entrypoints.evaluation.wording import amount, cosine, interval, percent, stacked

MOST_NAMES = 10
"""Pictures that are named; the JSON report has all."""


def calibration_view(report: calibration.Report) -> RenderableType:
    """Figures with intervals, sessions, caveats."""
    shown = f", {report.renderings} renderings each" if report.renderings else ""
    heading = Text(
        f"{report.model} on {report.name}: {report.people} people, {report.pictures} pictures{shown}, "
        f"{report.faces} faces found by {report.detector} ({report.detection_profile})\n"
    )
    figures = _table("figure", "value", f"{report.level:.0%} interval")
    for name, estimate, words in (
        ("cosine at similarity 0.5", report.operating_point, cosine),
        ("FMR there, counted", report.fmr, percent),
        ("FMR there, fitted distribution", report.fmr_model, percent),
        ("FNMR there", report.fnmr, percent),
        ("equal error rate", report.eer, percent),
        ("cosine there", report.eer_cosine, cosine),
        ("TAR at FMR 1 %", report.tar_1, percent),
        ("TAR at FMR 0.1 %", report.tar_01, percent),
    ):
        figures.add_row(name, words(estimate.value), interval(estimate, words))
    figures.add_row("slope", f"{report.slope:g}", "")
    return Group(
        heading,
        figures,
        Text(),
        _sessions(report),
        Text(),
        *map(Text, _left_out(report.missed, report.unreadable)),
        _footer(report),
    )


def comparison_view(report: comparison.Report) -> RenderableType:
    """A table of detectors, and two of recognisers on what they found; intervals stand below their values."""
    shown = f", {report.renderings} renderings each" if report.renderings else ""
    heading = Text(
        f"{report.name}: {report.people} people, {report.pictures} pictures{shown}. Below each figure its "
        f"{report.level:.0%} interval: {report.replicates} draws of people, the rule of 3 where no error was seen. "
        "Rates in %; milliseconds are medians on one thread.\n"
    )
    detectors = _table("detector", "pictures", "missed", "missed %", "ms a picture")
    for seen in report.detectors:
        figures = stacked(seen.missed_share, percent), stacked(seen.detect_ms, amount)
        detectors.add_row(seen.detector, f"{seen.pictures}", f"{seen.missed}", *figures)
    rates: tuple[_Column, ...] = (
        ("EER", lambda row: row.eer, percent),
        ("to first", lambda row: row.eer_difference, percent),
        ("TAR@1 %", lambda row: row.tar_1, percent),
        ("TAR@0.1 %", lambda row: row.tar_01, percent),
        ("rank-1", lambda row: row.rank_1, percent),
    )
    points: tuple[_Column, ...] = (
        ("best F1", lambda row: row.best_f1, cosine),
        ("at cosine", lambda row: row.best_f1_cosine, cosine),
        ("FMR*", lambda row: row.fmr, percent),
        ("FNMR*", lambda row: row.fnmr, percent),
        ("ms a face", lambda row: row.embed_ms, amount),
    )
    left_out = [
        line
        for seen in report.detectors
        for line in _left_out(tuple(f"{name} ({seen.detector})" for name in seen.missed_pictures), ())
    ]
    footer = [
        "* at similarity 0.5 as calibrated; to first: the difference from the first row's EER, on the same draws",
        *left_out,
        *_left_out((), report.unreadable),
    ]
    footer += [f"Drawn: {report.chart}"] if report.chart else []
    return Group(heading, detectors, Text(), _pairs(report, rates), Text(), _pairs(report, points), *map(Text, footer))


_Column: TypeAlias = tuple[str, Callable[[comparison.PairRow], Estimate | None], Callable[[float], str]]


def _pairs(report: comparison.Report, columns: tuple[_Column, ...]) -> Table:
    table = _table("recogniser", *(name for name, _, _ in columns))
    for row in report.pairs:
        found = [(figure(row), words) for _, figure, words in columns]
        cells = ["" if estimate is None else stacked(estimate, words) for estimate, words in found]
        table.add_row(f"{row.recogniser}\n{row.detector}" if len(report.detectors) > 1 else row.recogniser, *cells)
    return table


def reset_text(done: calibration.Reset) -> str:
    """What holds from now on."""
    before = "Removed." if done.removed else "There was none."
    return (
        f"{before} {done.model} uses its own calibration again: similarity 0.5 at cosine "
        f"{done.in_force.operating_point:g}, slope {done.in_force.slope:g} ({done.in_force.basis}). {RESTART}"
    )


RESTART = "A running service reads it when it starts next."


def _sessions(report: calibration.Report) -> Table:
    table = _table("strangers shown in a session of", "counted", "fitted", "none at all, % (fitted)")
    for session in report.sessions:
        table.add_row(
            f"{session.faces:,} faces of strangers",
            stacked(session.strangers, amount),
            stacked(session.strangers_model, amount),
            stacked(session.none_model, percent),
        )
    return table


def _left_out(missed: tuple[str, ...], unreadable: tuple[str, ...]) -> list[str]:
    return [
        f"{len(names)} {what}: {', '.join(names[:MOST_NAMES])}{' …' if len(names) > MOST_NAMES else ''}"
        for names, what in ((missed, "without a face"), (unreadable, "that cannot be read"))
        if names
    ]


def _footer(report: calibration.Report) -> Text:
    before = report.before
    text = Text("\n".join(f"! {caveat}" for caveat in report.caveats), style="yellow")
    lines = [f"Until now: cosine {before.operating_point:g}, slope {before.slope:g} ({before.basis})."]
    lines.append(f"Written to {report.written}. {RESTART}" if report.written else "Nothing was written.")
    if report.curve:
        lines.append(f"Drawn: {report.curve}")
    return text.append("\n" + "\n".join(lines), style="default not bold")


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right")
    return table
