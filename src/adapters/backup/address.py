"""Where a database is, for the driver and for PostgreSQL's own programs; the password is never in an argument."""

import math
import os
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias, cast
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

import asyncpg

from facepass.domain.errors import ConfigurationError

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

APPLICATION = "facepass-backup"

MAINTENANCE = "postgres"
"""The database that every server has: from there others are made, renamed and dropped."""

CLIENT_GRACE_S = 5.0  # the server should give up first
INHERITED = ("HOME", "PATH")


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """A database and how to log in to it.

    Attributes:
        url: `postgresql://…`, password included: hidden from `repr`.
        sslmode: as in libpq; None leaves it to the URL.
        timeout_s: of connecting.
    """

    url: str = field(repr=False)
    sslmode: str | None = None
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if self._split().scheme not in {"postgresql", "postgres"}:
            raise ConfigurationError("the address of a database begins with postgresql://")

    @property
    def name(self) -> str:
        """Of the database, as the URL says; empty where it leaves it to the role's."""
        split = self._split()
        queried = dict(parse_qsl(split.query))
        return queried.get("dbname") or queried.get("database") or unquote(split.path.removeprefix("/"))

    def named(self, name: str) -> "DatabaseAddress":
        """Another database of the same server."""
        split = self._split()
        query = urlencode([pair for pair in parse_qsl(split.query) if pair[0] not in {"dbname", "database"}])
        return replace(self, url=split._replace(path=f"/{quote(name, safe='')}", query=query).geturl())

    async def connect(self, *, statement_timeout_s: float) -> Connection:
        """A connection, with asyncpg's own errors; what it waits for in a transaction is bounded by its user.

        Raises:
            ConfigurationError: the URL or the TLS settings make no sense.
        """
        try:
            return await asyncpg.connect(
                self._split().geturl(),
                ssl=cast("Any", self.sslmode),
                timeout=self.timeout_s,
                command_timeout=statement_timeout_s + CLIENT_GRACE_S,
                server_settings={
                    "application_name": APPLICATION,
                    "statement_timeout": str(math.ceil(statement_timeout_s * 1000)),
                    "idle_in_transaction_session_timeout": "0",  # a dump may take longer than others may stand still
                },
            )
        except asyncpg.ClientConfigurationError as error:
            raise ConfigurationError("the address of the database or its TLS settings are not valid") from error

    def for_programs(self) -> tuple[str, dict[str, str]]:
        """What libpq's programs need: the URL for `--dbname`, without any password, and their environment."""
        split = self._split()
        login, at, hosts = split.netloc.rpartition("@")
        user, _, password = login.partition(":")
        query = parse_qsl(split.query)
        secret = dict(query).get("password", unquote(password))
        kept = urlencode([pair for pair in query if pair[0] != "password"])
        environment = {name: os.environ[name] for name in INHERITED if name in os.environ}
        environment |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
        environment |= {
            "LC_ALL": "C",
            "PGAPPNAME": APPLICATION,
            "PGCONNECT_TIMEOUT": str(max(2, math.ceil(self.timeout_s))),  # libpq takes 1 for 2
        }
        if secret:
            environment["PGPASSWORD"] = secret
        if self.sslmode is not None:
            environment["PGSSLMODE"] = self.sslmode
        return split._replace(netloc=f"{user}{at}{hosts}", query=kept).geturl(), environment

    def _split(self) -> SplitResult:
        return urlsplit(self.url.replace("postgresql+asyncpg://", "postgresql://", 1))
