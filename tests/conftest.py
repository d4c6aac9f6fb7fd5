"""Fixtures for every suite below."""

pytest_plugins = ["tests.fixtures_models", "tests.fixtures_postgres"]
