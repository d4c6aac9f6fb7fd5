"""Pictures of error rates: detection error tradeoff (DET) curves and bars. Need matplotlib, the extra `plots`.

On a DET curve both axes are those of the normal deviate, so that normal scores give straight lines (Martin et al.,
"The DET curve in assessment of detection task performance", 1997; ISO/IEC 19795-1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from facepass.domain.bootstrap import Estimate, Floats
from facepass.domain.errors import ConfigurationError
from facepass.domain.figures import DetCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TICKS = (1e-5, 1e-4, 1e-3, 0.01, 0.05, 0.2, 0.5)
LEAST, MOST = 1e-5, 0.6
"""Ends of the axes: beyond, the deviate runs away."""

MISSING = "matplotlib is not installed, so nothing is drawn: pip install 'facepass[plots]'"

_DPI = 120
_WIDTH_IN, _HEIGHT_IN = 6.4, 5.6
_CAPSIZE_PT = 3
_MOST_BANDS = 4
"""Curves up to which their intervals are drawn: more of them hide each other."""

_LINE_EVERY = 10
"""Different models get different colours, and after so many different lines."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A DET curve.

    Attributes:
        label: what it is of.
        marked: FMR and FNMR of the operating point, the former as fitted; None for none.
    """

    label: str
    det: DetCurve
    marked: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar a label, with its interval.

    Attributes:
        title: with the unit.
    """

    title: str
    labels: Sequence[str]
    estimates: Sequence[Estimate]


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(path: Path, title: str, curves: Sequence[Curve], bars: Sequence[Bars] = ()) -> None:
    """Write a PNG: curves with their intervals, and panels of bars of the same models beside them.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 an extra, and slow to load

    # No pyplot: it would look for a display.
    figure = Figure(figsize=(_WIDTH_IN * (1 + len(bars) / 2), _HEIGHT_IN), dpi=_DPI, layout="constrained")
    figure.suptitle(title)
    axes = figure.subplots(1, 1 + len(bars), width_ratios=[2] + [1] * len(bars), squeeze=False)[0]
    _draw_curves(axes[0], curves)
    for number, (panel, one) in enumerate(zip(axes[1:], bars, strict=True)):
        _draw_bars(panel, one, named=number == 0)
    _save(figure, path)


def _draw_curves(axes: "Axes", curves: Sequence[Curve]) -> None:
    for number, curve in enumerate(curves):
        det = curve.det
        style = ("-", "--", ":", "-.")[number // _LINE_EVERY % 4]
        x = _deviates(det.fmr)
        # Where no error was seen the curve ends: how low it is nobody knows.
        seen = det.fnmr > 0
        line = axes.plot(x[seen], _deviates(det.fnmr[seen]), style, label=curve.label)[0]
        if len(curves) <= _MOST_BANDS:
            low, high, colour = _deviates(det.low), _deviates(det.high), line.get_color()
            axes.fill_between(x, low, high, alpha=0.12, color=colour, linewidth=0)
        if curve.marked:
            at = _deviates(np.array(curve.marked))
            axes.plot(
                at[:1], at[1:], "o", color=line.get_color(), label="operating point, FMR as fitted", clip_on=False
            )
    at = _deviates(np.array(TICKS))
    words = [f"{100 * tick:g}" for tick in TICKS]
    axes.set_xticks(at, words)
    axes.set_yticks(at, words)
    ends = _deviates(np.array([LEAST, MOST]))
    axes.set_xlim(*ends)
    axes.set_ylim(*ends)
    axes.plot(ends, ends, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xlabel("false match rate, %")
    axes.set_ylabel("false non-match rate, %")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small")


def _draw_bars(axes: "Axes", bars: Bars, *, named: bool) -> None:
    places = np.arange(len(bars.labels))[::-1]
    values = np.array([(one.value, one.low, one.high) for one in bars.estimates])
    # A percentile interval need not hold its value; an error bar of negative length is none.
    reach = np.maximum([values[:, 0] - values[:, 1], values[:, 2] - values[:, 0]], 0.0)
    axes.barh(places, values[:, 0], xerr=reach, capsize=_CAPSIZE_PT, color=[f"C{at % 10}" for at in range(len(places))])
    axes.set_yticks(places, list(bars.labels) if named else [""] * len(places), fontsize="small")
    axes.set_title(bars.title, fontsize="medium")
    axes.set_xlim(left=0)


def _deviates(rates: Floats) -> Floats:
    normal = NormalDist()
    return np.array([normal.inv_cdf(float(one)) for one in np.clip(rates, LEAST, MOST)])


def _save(figure: "Figure", path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror or error}.") from error
