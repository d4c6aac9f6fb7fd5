"""Report and chart on disk, with matplotlib and without."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facepass.domain.bootstrap import Estimate
from facepass.domain.errors import ConfigurationError
from facepass.domain.figures import DetCurve
from facepass.entrypoints.evaluation.comparison import Compared, DetectorRow, PairRow, Report
from facepass.entrypoints.evaluation.outputs import CHART_FILE, REPORT_FILE, leave_comparison
from facepass.entrypoints.evaluation.plots import MISSING

FIGURE = Estimate(0.02, 0.01, 0.04)


@pytest.fixture
def compared() -> Compared:
    """Two recognisers, the second of which made no error at rates of a tenth and more."""
    pair = PairRow(
        detector="finder",
        recogniser="one",
        faces=40,
        best_f1=FIGURE,
        best_f1_cosine=FIGURE,
        eer=FIGURE,
        eer_difference=None,
        tar_1=FIGURE,
        tar_01=FIGURE,
        rank_1=FIGURE,
        point=0.9,
        fmr=FIGURE,
        fnmr=FIGURE,
        embed_ms=FIGURE,
    )
    report = Report(
        name="set",
        people=4,
        pictures=40,
        unreadable=(),
        detection_profile="balanced",
        renderings=0,
        seed=1,
        replicates=100,
        level=0.95,
        detectors=(
            DetectorRow(
                detector="finder", pictures=40, missed=0, missed_share=FIGURE, detect_ms=FIGURE, missed_pictures=()
            ),
        ),
        pairs=(pair, pair),
    )
    fmr = np.array([0.001, 0.01, 0.1, 0.5])
    curves = (
        DetCurve(fmr, np.array([0.3, 0.2, 0.1, 0.05]), np.full(4, 0.01), np.full(4, 0.4)),
        DetCurve(fmr, np.array([0.3, 0.2, 0.0, 0.0]), np.zeros(4), np.full(4, 0.4)),
    )
    return Compared(report, curves)


def test_a_comparison_leaves_report_and_chart(tmp_path: Path, compared: Compared) -> None:
    notes: list[str] = []
    report = leave_comparison(compared, tmp_path / "new" / "folder", notes.append)

    chart = tmp_path / "new" / "folder" / CHART_FILE
    assert (report.chart, notes) == (str(chart), [])
    with Image.open(chart) as picture:
        assert picture.format == "PNG"
        assert len(picture.convert("L").getcolors(maxcolors=256) or ()) > 10
    assert json.loads((chart.parent / REPORT_FILE).read_bytes())["chart"] == str(chart)


def test_without_matplotlib_all_but_the_chart_is_left(
    tmp_path: Path, compared: Compared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # to Python: not installed
    notes: list[str] = []

    report = leave_comparison(compared, tmp_path, notes.append)

    assert report.chart is None
    assert notes == [MISSING]
    assert "facepass[plots]" in MISSING
    assert [path.name for path in tmp_path.iterdir()] == [REPORT_FILE]


def test_a_folder_that_cannot_be_made_is_an_error_of_configuration(tmp_path: Path, compared: Compared) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="cannot be written"):
        leave_comparison(compared, tmp_path / "file", lambda _: None)
