"""Files that a calibration or a comparison leaves: the report as JSON, and a picture where it can be drawn."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from facepass.domain.bootstrap import Estimate
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.evaluation import calibration, comparison
from facepass.entrypoints.evaluation.plots import MISSING, Bars, Curve, can_draw, draw

REPORT_FILE = "report.json"
CURVE_FILE, CHART_FILE = "det.png", "comparison.png"

Note = Callable[[str], None]


def leave_calibration(
    report: calibration.Report, fitted: calibration.Fitted, folder: Path, note: Note
) -> calibration.Report:
    """Write report and DET curve; the report, with the path of the curve.

    Raises:
        ConfigurationError: the folder does not allow it.
    """
    path = folder / CURVE_FILE
    if can_draw():
        marked = report.fmr_model.value, report.fnmr.value
        draw(path, f"{report.model} on {report.name}", [Curve(report.model, fitted.det, marked)])
        report = msgspec.structs.replace(report, curve=str(path))
    else:
        note(MISSING)
    _write(folder / REPORT_FILE, report)
    return report


def leave_comparison(compared: comparison.Compared, folder: Path, note: Note) -> comparison.Report:
    """Write report and chart; the report, with the path of the chart.

    Raises:
        ConfigurationError: the folder does not allow it.
    """
    report, path = compared.report, folder / CHART_FILE
    if can_draw():
        several = len(report.detectors) > 1
        labels = [f"{row.recogniser}\n{row.detector}" if several else row.recogniser for row in report.pairs]

        def bars(title: str, figure: Callable[[comparison.PairRow], Estimate]) -> Bars:
            return Bars(title, labels, [figure(row) for row in report.pairs])

        draw(
            path,
            f"{report.name}: {report.people} people, {report.pictures} pictures",
            [Curve(label.replace("\n", ", "), det) for label, det in zip(labels, compared.curves, strict=True)],
            [
                bars("EER, %", lambda row: _percent(row.eer)),
                bars("100 - TAR at FMR 0.1 %, %", lambda row: _percent(row.tar_01, missed=True)),
                bars("embedding, ms a face", lambda row: row.embed_ms),
            ],
        )
        report = msgspec.structs.replace(report, chart=str(path))
    else:
        note(MISSING)
    _write(folder / REPORT_FILE, report)
    return report


def _percent(share: Estimate, *, missed: bool = False) -> Estimate:
    """The share in percent, or what is missing to the whole: seen on its own scale, it tells good models apart."""
    return share.mapped(*(100 * (1 - one if missed else one) for one in (share.value, share.low, share.high)))


def _write(path: Path, report: msgspec.Struct) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}.") from error
