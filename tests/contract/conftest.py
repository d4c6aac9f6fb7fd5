"""The adapters that a contract is held against."""

import pytest

from facepass.adapters.memory.repository import InMemoryStore, InMemoryUnitOfWorkFactory
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWorkFactory


@pytest.fixture(params=["memory", "postgres"])
def units(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    """Units of work over each repository; the tests of PostgreSQL share a database, and keep to their own sessions."""
    if request.param == "memory":
        return InMemoryUnitOfWorkFactory(InMemoryStore())
    return PostgresUnitOfWorkFactory(request.getfixturevalue("shared_postgres_engine"))
