"""Calibrates recognisers and compares models on labelled pictures: what `facepass calibrate` and `evaluate` do."""
