"""Runs detectors and recognisers over labelled pictures, one after another and timed."""
