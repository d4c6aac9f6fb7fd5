"""Builds a photo session of real faces, indexes it over HTTP, and measures how well its visitors are found."""
