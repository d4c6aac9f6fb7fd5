"""The adapters that a contract is held against."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.memory.store import InMemoryStore
from facepass.adapters.memory.unit_of_work import InMemoryUnitOfWorkFactory
from facepass.adapters.pgqueuer.entries import QueueEntries
from facepass.adapters.pgvector.sealing.keys import Keyring
from facepass.adapters.pgvector.search.planner import SearchLimits
from facepass.adapters.pgvector.template_codec import TemplateCodec
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWorkFactory

OVER_POSTGRES = ["postgres", "postgres-in-memory", "postgres-encrypted"]
STORES = ["memory", *OVER_POSTGRES]
KEY = "5e" * 32


def over_postgres(engine: AsyncEngine, store: str) -> UnitOfWorkFactory:
    """Units of work that search in the database, in memory, or in memory because templates are sealed."""
    codec = TemplateCodec(Keyring([KEY]) if store == "postgres-encrypted" else None)
    limits = SearchLimits(database_max_faces=0) if store == "postgres-in-memory" else SearchLimits()
    return PostgresUnitOfWorkFactory(engine, entries=QueueEntries(), codec=codec, limits=limits)


@pytest.fixture(params=STORES)
def units(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    """Units of work over each store; the tests of PostgreSQL share a database, and keep to their own sessions."""
    if request.param == "memory":
        return InMemoryUnitOfWorkFactory(InMemoryStore())
    return over_postgres(request.getfixturevalue("shared_postgres_engine"), request.param)


@pytest.fixture(params=STORES)
def empty_units(request: pytest.FixtureRequest) -> UnitOfWorkFactory:
    """The same, over stores that hold nothing yet and are nobody else's."""
    if request.param == "memory":
        return InMemoryUnitOfWorkFactory(InMemoryStore())
    return over_postgres(request.getfixturevalue("postgres_engine"), request.param)
