"""What a database server must offer, told in words an operator can act on."""

import re

import asyncpg
from sqlalchemy import Connection, exc, text

from facepass.domain.errors import ConfigurationError

LEAST_POSTGRESQL = 16
LEAST_PGVECTOR = (0, 8)
ENCODING = "UTF8"
HOW_TO_INSTALL = "let a superuser run `CREATE EXTENSION vector` in this database"


async def check_server(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Version and encoding.

    Raises:
        ConfigurationError: the server is too old, or its database cannot hold every id.
    """
    version = connection.get_server_version()
    if version.major < LEAST_POSTGRESQL:
        raise ConfigurationError(f"the database is PostgreSQL {version.major}; {LEAST_POSTGRESQL} or newer is needed")
    encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != ENCODING:
        raise ConfigurationError(f"the database is encoded in {encoding}: create it with ENCODING '{ENCODING}'")


def ensure_extension(connection: Connection) -> None:
    """Make sure that pgvector is installed in the database, and new enough.

    Raises:
        ConfigurationError: it is not, and we cannot change that.
    """
    row = connection.execute(
        text("SELECT default_version, installed_version FROM pg_catalog.pg_available_extensions WHERE name = 'vector'")
    ).one_or_none()
    if row is None:
        raise ConfigurationError(
            "the database server has no pgvector: use an image that brings it, such as pgvector/pgvector, "
            "or install the package postgresql-*-pgvector"
        )
    version = row.installed_version or row.default_version
    if tuple(int(part) for part in re.findall(r"\d+", version)[:2]) < LEAST_PGVECTOR:
        least = ".".join(map(str, LEAST_PGVECTOR))
        raise ConfigurationError(f"the database has pgvector {version}; {least} or newer is needed")
    if row.installed_version is None:
        try:
            connection.execute(text("CREATE EXTENSION vector"))
        except exc.DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != asyncpg.InsufficientPrivilegeError.sqlstate:
                raise
            raise ConfigurationError(f"our database user may not install pgvector: {HOW_TO_INSTALL}, once") from error
