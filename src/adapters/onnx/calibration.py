"""What the embedded recogniser's cosine means: its calibration to the similarity that callers see."""

from facepass.domain.embedding import Calibration

DLIB_CALIBRATION = Calibration(operating_point=0.940, slope=104.0)
"""As `python benchmarks/verification.py lfw10 --renderings 4` prints it: ten people of LFW, each of their hundred
pictures as four event photos would show it. See docs/recognition.md for how far that carries.
"""
