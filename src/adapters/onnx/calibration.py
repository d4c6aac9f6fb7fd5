"""What the embedded recogniser's cosine means: its calibration to the similarity that callers see."""

from facepass.domain.embedding import Calibration

DLIB_CALIBRATION = Calibration(operating_point=0.938, slope=60.0)
"""dlib's cosines sit high. Strangers reach 0.921 to 0.938 once in a thousand comparisons, depending on the set: the
point is the strictest of these, so that a session of a thousand faces shows a visitor about one stranger at worst.
"""
