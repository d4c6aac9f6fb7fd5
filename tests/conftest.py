"""Fixtures for every suite below."""

from hypothesis import settings

pytest_plugins = [
    "tests.fixtures_logging",
    "tests.fixtures_models",
    "tests.fixtures_postgres",
    "tests.fixtures_s3",
    "tests.fixtures_valkey",
]

# How fast a machine is says nothing about a property; examples are the same in every run.
settings.register_profile("facepass", deadline=None, derandomize=True)
settings.load_profile("facepass")
