"""FacePass: find a visitor in the photos of a session."""

__version__ = "0.1.0"
