"""How alembic reaches the database: through the connection that `facepass.adapters.pgvector.migrate` hands over.

The caller owns the transaction and the lock, so that all migrations of one upgrade hold or none, and the address comes
from the service's settings instead of a second configuration file.
"""

from alembic import context

from facepass.adapters.pgvector.tables import metadata
from facepass.domain.errors import ConfigurationError

connection = context.config.attributes.get("connection")
if connection is None:
    raise ConfigurationError("run the migrations with `facepass db upgrade`, not with alembic itself")

context.configure(connection=connection, target_metadata=metadata)
context.run_migrations()
