"""What a configuration may not be like when it is meant in earnest: the one list, for starting and for `doctor`."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

import structlog

from facepass.adapters.pgvector.sealing.keys import Keyring
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.configured_secrets import ConfiguredSecret, configured_secrets
from facepass.entrypoints.secret_strength import Least, weakness
from facepass.entrypoints.settings import Origin, Settings

MAKE_ONE = "python -c 'import secrets; print(secrets.token_urlsafe(32))'"
LEAST = {
    "API_KEYS": Least(characters=24, bits=56),
    "SECRET_KEY": Least(characters=32, bits=80),
    "JWT_SECRET_KEY": Least(characters=32, bits=80),  # RFC 7518, 3.2: no shorter than the hash
    "ENCRYPTION_KEY": Least(characters=43, bits=96),
    "S3_ACCESS_KEY": Least(characters=1, bits=0),  # a name: what is secret belongs to it
    "S3_SECRET_KEY": Least(characters=16, bits=32),
}
LEAST_OF_PASSWORDS = Least(characters=12, bits=20)
"""Of every other secret: a server that slows down guessing stands before it."""
UNGUARDED_TLS = frozenset({"disable", "allow", "prefer"})
"""Modes in which a connection may go unencrypted."""

_log = structlog.stdlib.get_logger("facepass.production")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that should be otherwise; holds no secret.

    Attributes:
        setting: the variable at fault.
        problem: what is wrong, as the rest of a sentence that begins with the variable.
        remedy: what to do.
    """

    setting: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.setting} {self.problem}: {self.remedy}"


def refusals(settings: Settings) -> tuple[Finding, ...]:
    """Every reason for which the service would not start in production, whatever ENVIRONMENT is."""
    return (*_missing(settings), *_weak(settings), *_reused(settings), *_open(settings))


def cautions(settings: Settings) -> tuple[Finding, ...]:
    """What the service starts with in production, and what an operator should know of."""
    return (*_public(settings), *_unencrypted(settings))


def check_production(settings: Settings) -> None:
    """Go on in production only with what `refusals` lets pass; log the cautions. Elsewhere everything goes.

    Raises:
        ConfigurationError: all reasons at once, a line each.
    """
    if not settings.application.is_production:
        return
    reasons = refusals(settings)
    if reasons:
        lines = "\n".join(f"- {reason}" for reason in reasons)
        raise ConfigurationError(f"ENVIRONMENT=production does not start with this configuration:\n{lines}")
    for caution in cautions(settings):
        _log.warning("unwise_in_production", setting=caution.setting, problem=caution.problem, remedy=caution.remedy)


def _missing(settings: Settings) -> Iterator[Finding]:
    security = settings.security
    for name, keys in (("SECRET_KEY", security.secret_key), ("JWT_SECRET_KEY", security.jwt_secret_key)):
        if not keys:
            yield Finding(name, "is not set", f"set it, or {name}_FILE; {MAKE_ONE} makes a key")


def _weak(settings: Settings) -> Iterator[Finding]:
    found = []
    for secret in configured_secrets(settings):
        if secret.setting == "ENCRYPTION_KEY" and (malformed := _malformed(secret.value)):
            found.append(Finding(secret.setting, "cannot be used", malformed))
        elif problem := weakness(secret.value, LEAST.get(secret.setting, LEAST_OF_PASSWORDS)):
            whose = "holds a password that " if secret.within_address else ""
            found.append(Finding(secret.setting, whose + problem, f"choose another; {MAKE_ONE} makes one"))
    yield from dict.fromkeys(found)


def _malformed(encryption_key: str) -> str | None:
    try:
        Keyring([encryption_key])
    except ConfigurationError as error:
        return error.detail
    return None


def _reused(settings: Settings) -> Iterator[Finding]:
    """Who learns one secret must not have two: those that differ in purpose have to differ."""
    seen: list[ConfiguredSecret] = []
    for secret in configured_secrets(settings):
        same = next((other for other in seen if other.value == secret.value and not _same_login(other, secret)), None)
        if same is not None:
            remedy = f"give each its own; {MAKE_ONE} makes one"
            yield Finding(secret.setting, f"holds the same secret as {same.setting}", remedy)
        seen.append(secret)


def _same_login(one: ConfiguredSecret, other: ConfiguredSecret) -> bool:
    """Whether two settings name the same secret rightly: two values of one, or a password that an address repeats."""
    if one.setting == other.setting:
        return True
    return one.slice_name == other.slice_name and (one.within_address or other.within_address)


def _open(settings: Settings) -> Iterator[Finding]:
    if Origin("*") in settings.security.cors_origins:
        yield Finding("CORS_ORIGINS", "lets the scripts of every web page in", "name the pages that need it")


def _public(settings: Settings) -> Iterator[Finding]:
    if settings.security.search_access == "public":
        remedy = "SEARCH_ACCESS=token or SEARCH_ACCESS=key, unless that is intended"
        yield Finding("SEARCH_ACCESS", "lets whoever reaches the service search", remedy)


def _unencrypted(settings: Settings) -> Iterator[Finding]:
    database = settings.database
    problem = "allows an unencrypted connection to a database on another machine"
    if database.database_url is not None:
        hosts, mode = _hosts_and_tls(database.database_url.reveal())
        if mode in UNGUARDED_TLS and not all(map(_is_here, hosts)):
            yield Finding("DATABASE_URL", problem, "end it with ?sslmode=verify-full, or ?sslmode=require at least")
    elif (
        database.postgres_host is not None
        and database.db_sslmode in UNGUARDED_TLS
        and not all(map(_is_here, database.postgres_host.split(",")))
    ):
        yield Finding("DB_SSLMODE", problem, "DB_SSLMODE=verify-full, or DB_SSLMODE=require at least")


def _hosts_and_tls(url: str) -> tuple[list[str], str]:
    """Hosts and `sslmode` of an address, read as the driver reads them; nothing of an address that is none."""
    try:
        address = urlsplit(url)
    except ValueError:
        return [], ""
    asked = dict(parse_qsl(address.query))
    netloc = address.netloc.rpartition("@")[2] or asked.get("host", "")
    hosts = [each.rpartition(":")[0] if each.rpartition(":")[2].isdigit() else each for each in netloc.split(",")]
    return [host.strip("[]") for host in hosts], asked.get("sslmode", "prefer")


def _is_here(host: str) -> bool:
    """Whether a database at this host runs on this machine: a socket's folder, no host at all, or loopback."""
    if host in {"", "localhost"} or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
