"""What the embedded recogniser's cosine means: its calibration to the similarity that callers see."""

from facepass.domain.embedding import Calibration

DLIB_CALIBRATION = Calibration(operating_point=0.93, slope=60.0)
"""dlib's cosines sit high: strangers reach 0.92 once in a thousand comparisons, so the slope is steep."""
