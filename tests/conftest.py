"""Fixtures for every suite below."""

from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [
    "tests.fixtures_logging",
    "tests.fixtures_models",
    "tests.fixtures_postgres",
    "tests.fixtures_s3",
    "tests.fixtures_valkey",
    "tests.log_scan.plugin",
]

# How fast a machine is says nothing about a property; examples are the same in every run.
settings.register_profile("facepass", deadline=None, derandomize=True)
settings.load_profile("facepass")

LONG = ("chaos", "cli", "compose", "cluster", "demo", "backup", "monitoring", "jobs", "postgres", "first_generation")
"""Suites below `tests/integration` with the longest files, longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest files: then no process is left alone with one of them at the end (`make test`)."""
    root = Path(__file__).parent / "integration"

    def place(item: pytest.Item) -> int:
        suite = item.path.relative_to(root).parts[0] if item.path.is_relative_to(root) else ""
        return LONG.index(suite) if suite in LONG else len(LONG)

    items.sort(key=place)
