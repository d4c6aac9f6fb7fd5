"""How alembic reaches the database: through the connection that `facepass.adapters.pgvector.migrate` hands over.

Each migration has a transaction of its own, and may leave it with `op.get_context().autocommit_block()`: to build an
index concurrently, or to copy rows in batches. The caller holds the lock that keeps other replicas out, and the address
comes from the service's settings instead of a second configuration file.
"""

from alembic import context

from facepass.adapters.pgvector.tables import metadata
from facepass.domain.errors import ConfigurationError

connection = context.config.attributes.get("connection")
if connection is None:
    raise ConfigurationError("run the migrations with `facepass db upgrade`, not with alembic itself")

context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
