"""Reads settings from environment variables, an optional `.env` and secret files.

A name answers bare and with the prefix `FACEPASS_`, which wins. `NAME_FILE` names a file that holds the value of a
secret. A variable with our prefix that means nothing is refused by name: a typing error must not pass for a setting.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import SplitResult, urlsplit

import msgspec
from dotenv import dotenv_values

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.settings import (
    Database,
    Network,
    ObjectStore,
    Origin,
    Redis,
    Secret,
    Server,
    Settings,
    Tracing,
)

PREFIX = "FACEPASS_"
ALIASES = {
    "DATABASE_HOST": "POSTGRES_HOST",
    "DATABASE_PORT": "POSTGRES_PORT",
    "DATABASE_USER": "POSTGRES_USER",
    "DATABASE_PASSWORD": "POSTGRES_PASSWORD",
    "DATABASE_NAME": "POSTGRES_DB",
}
"""Names of an earlier system, and what they are called here."""


LISTS = frozenset(
    {
        "ACCEPT_MODEL_LICENSE",
        "API_KEYS",
        "CORS_ORIGINS",
        "ENCRYPTION_KEY",
        "JWT_SECRET_KEY",
        "SECRET_KEY",
        "TRUSTED_PROXIES",
    }
)
"""Settings of several values, separated by commas."""


def slices() -> Iterator[tuple[str, type[msgspec.Struct]]]:
    """Name and type of each slice of the settings."""
    yield from get_type_hints(Settings).items()


def known_names() -> dict[str, tuple[str, str]]:
    """From environment name to slice and field."""
    return {
        attribute.upper(): (slice_name, attribute)
        for slice_name, struct in slices()
        for attribute in struct.__struct_fields__
    }


def secret_names() -> set[str]:
    """Names whose values are secret, and may come from `NAME_FILE`."""
    return {
        attribute.upper()
        for _, struct in slices()
        for attribute, annotation in get_type_hints(struct).items()
        if "Secret" in str(annotation)
    }


def load_settings(environment: Mapping[str, str], *, dotenv: Path | None = None) -> Settings:
    """Settings in force.

    Args:
        environment: usually `os.environ`; wins over the file.
        dotenv: a file of `NAME=value` lines, read when it exists.

    Raises:
        ConfigurationError: naming the variable that is unknown, malformed or out of range, or that means nothing
            without another.
    """
    variables = {**_read_dotenv(dotenv), **environment}
    values: dict[str, dict[str, Any]] = {}
    names: dict[str, str] = {}
    for name, (variable, raw) in _effective(variables).items():
        slice_name, attribute = known_names()[name]
        value: Any = raw
        if name in LISTS:
            value = tuple(item.strip() for item in raw.split(",") if item.strip())
        values.setdefault(slice_name, {})[attribute] = value
        names[attribute] = variable
    settings = _convert(values, names)
    _check_port_has_host(settings.database, names)
    _check_bucket_has_keys(settings.object_store, names)
    _check_redis_has_host(settings.redis, names)
    _check_lead_is_part_of_grace(settings.server, names)
    _check_collector(settings.tracing, names)
    return settings


def origins(environment: Mapping[str, str], *, dotenv: Path | None = None) -> dict[str, str]:
    """From environment name to the variable that sets it; what is left at its default is absent.

    Args:
        environment: as for `load_settings`.
        dotenv: as for `load_settings`.

    Raises:
        ConfigurationError: as `load_settings`.
    """
    from_file = _read_dotenv(dotenv)
    return {
        name: variable if variable in environment else f"{variable} in {dotenv}"
        for name, (variable, _) in _effective({**from_file, **environment}).items()
    }


def _read_dotenv(path: Path | None) -> dict[str, str]:
    if path is None or not path.is_file():
        return {}
    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}


def _effective(variables: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """From known name to the variable that sets it, and its value."""
    known, secrets = known_names(), secret_names()
    found: dict[str, tuple[int, str, str]] = {}
    for variable, value in variables.items():
        prefixed = variable.startswith(PREFIX)
        name = variable.removeprefix(PREFIX)
        from_file = name.endswith("_FILE") and ALIASES.get(name[:-5], name[:-5]) in secrets
        if from_file:
            name = name.removesuffix("_FILE")
        alias = name in ALIASES
        name = ALIASES.get(name, name)
        if name not in known:
            if prefixed:
                raise ConfigurationError(f"{variable} is not a setting of this version.")
            continue
        if value == "":
            continue
        rank = 2 * prefixed + (not alias)
        if name not in found or rank > found[name][0]:
            found[name] = (rank, variable, _read_secret(variable, value) if from_file else value)
    return {name: (variable, value) for name, (_, variable, value) in found.items()}


def _read_secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{variable}: the file {path} cannot be read ({type(error).__name__}).") from error


def _convert(values: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> Settings:
    converted: dict[str, Any] = {}
    for slice_name, struct in slices():
        try:
            converted[slice_name] = msgspec.convert(
                values.get(slice_name, {}), struct, strict=False, dec_hook=_decode_custom
            )
        except msgspec.ValidationError as error:
            message, _, path = str(error).partition(" - at `$.")
            attribute = path.rstrip("`").partition("[")[0]
            raise ConfigurationError(f"{names.get(attribute, attribute)}: {message}.") from None
    return Settings(**converted)


def _check_port_has_host(database: Database, names: Mapping[str, str]) -> None:
    """The embedded server chooses its own port: another one given without a host must not pass for a setting."""
    if database.is_embedded and database.postgres_port != Database().postgres_port:
        raise ConfigurationError(
            f"{names['postgres_port']} is set without POSTGRES_HOST, and the embedded database chooses its own port: "
            "set POSTGRES_HOST too to use another server, or unset the port."
        )


def _check_bucket_has_keys(store: ObjectStore, names: Mapping[str, str]) -> None:
    """Photos in a bucket are never asked for without a signature, and a prefix is one of a bucket."""
    if store.s3_bucket is not None and (store.s3_access_key is None or store.s3_secret_key is None):
        raise ConfigurationError(f"{names['s3_bucket']} is set without S3_ACCESS_KEY and S3_SECRET_KEY: set all three.")
    if store.s3_bucket is None and store.s3_prefix is not None:
        raise ConfigurationError(f"{names['s3_prefix']} is set without S3_BUCKET: set the bucket too, or unset it.")


def _check_redis_has_host(redis: Redis, names: Mapping[str, str]) -> None:
    """Replicas that count each for itself must not pass for some that count together."""
    set_in_vain = next((name for name in redis.__struct_fields__ if getattr(redis, name) != getattr(Redis(), name)), "")
    if set_in_vain and not redis.is_configured:
        raise ConfigurationError(
            f"{names[set_in_vain]} is set without REDIS_HOST, so no Redis is used: set REDIS_HOST too, or unset it."
        )


def _check_lead_is_part_of_grace(server: Server, names: Mapping[str, str]) -> None:
    """Who waits for a balancer until the end breaks off what the balancer has sent."""
    if server.shutdown_lead_s is not None and server.shutdown_lead_s >= server.shutdown_grace_s:
        raise ConfigurationError(
            f"{names['shutdown_lead_s']} must be less than SHUTDOWN_GRACE_S, {server.shutdown_grace_s:g}: it is a part "
            "of it."
        )


def _check_collector(tracing: Tracing, names: Mapping[str, str]) -> None:
    """A collector is asked over HTTP, and an address is shown where a secret is not."""
    if tracing.otel_exporter_otlp_endpoint is None:
        return
    name = names["otel_exporter_otlp_endpoint"]
    address = _parts(tracing.otel_exporter_otlp_endpoint)
    if address is None or address.scheme not in {"http", "https"} or not address.hostname or address.query:
        raise ConfigurationError(f"{name} is no address of a collector: write http://host:port or https://host:port.")
    if "@" in address.netloc:
        raise ConfigurationError(f"{name} holds a user or a password: put it into OTEL_EXPORTER_OTLP_HEADERS.")


def _parts(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None


def _decode_custom(wanted: type, value: Any) -> Any:
    if wanted is Secret:
        return Secret(str(value))
    if wanted is Origin:
        return Origin.parse(str(value))
    if wanted is Network:
        return Network(value)
    if wanted is Path:
        return Path(value).expanduser()
    raise NotImplementedError(wanted)
