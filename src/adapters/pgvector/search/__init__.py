"""Searching a session: how, and by what, is decided for each one by its size."""
