"""What every command needs before it can ask anything: settings, and a service here or elsewhere.

Whatever is heavy (models, database, HTTP) is imported here, when it is needed, and nowhere else in the command line.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import rich_click as click

from facepass.entrypoints.cli.output import note

if TYPE_CHECKING:
    from facepass.entrypoints.client.service import Needs, WholeService
    from facepass.entrypoints.settings import Settings

T = TypeVar("T")

URL_VARIABLE = "FACEPASS_CLIENT_URL"
KEY_VARIABLE = "FACEPASS_CLIENT_KEY"
IMPORT_VARIABLE = "FACEPASS_IMPORT_DSN"
NO_SETTINGS = frozenset({URL_VARIABLE, KEY_VARIABLE, IMPORT_VARIABLE})
DOTENV = Path(".env")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a command does its work: on the database directly, or through the service at `url`."""

    url: str | None = None
    api_key: str | None = field(default=None, repr=False)


def environment() -> dict[str, str]:
    """The process's variables without those that only the command line reads: they are no settings."""
    return {name: value for name, value in os.environ.items() if name not in NO_SETTINGS}


def load_settings() -> "Settings":
    """The settings in force.

    Raises:
        ConfigurationError: naming the variable at fault.
    """
    from facepass.entrypoints import environment as settings_reader  # noqa: PLC0415 help does without

    return settings_reader.load_settings(environment(), dotenv=DOTENV)


def log_to_stderr(settings: "Settings", *, least_level: Literal["INFO", "WARNING"]) -> None:
    """Set up logging, saying no less than `LOG_LEVEL` allows and no more than suits the command."""
    import msgspec  # noqa: PLC0415 as above

    from facepass.entrypoints import logs  # noqa: PLC0415 as above
    from facepass.entrypoints.configured_secrets import hidden_texts  # noqa: PLC0415 as above

    quiet = settings.logging.log_level in {"WARNING", "ERROR"}
    level = settings.logging.log_level if quiet or settings.logging.log_level == "DEBUG" else least_level
    logs.configure(msgspec.structs.replace(settings.logging, log_level=level), secrets=hidden_texts(settings))


@asynccontextmanager
async def service_at(target: Target, needs: "Needs") -> AsyncIterator["WholeService"]:
    """The service a command asks, for as long as the block lasts.

    Args:
        target: where it is.
        needs: what is started where the work is done in this process.

    Raises:
        ConfigurationError, DependencyUnavailable: it cannot be had.
    """
    if target.url is None:
        from facepass.entrypoints.client.local import in_process  # noqa: PLC0415 loads models and database

        settings = load_settings()
        log_to_stderr(settings, least_level="WARNING")
        async with in_process(settings, needs=needs, progress=note) as local:
            yield local
    else:
        from facepass.entrypoints.client.remote import connected  # noqa: PLC0415 loads an HTTP client

        _say_when_waiting()
        async with connected(target.url, api_key=target.api_key) as remote:
            yield remote


def ask(target: Target, question: "Callable[[WholeService], Awaitable[T]]", needs: "Needs") -> T:
    """The answer of the service to one question; ctrl-C ends it at once."""

    async def asking() -> T:
        async with service_at(target, needs) as service:
            return await question(service)

    return asyncio.run(asking())


def _say_when_waiting() -> None:
    """A person should know why nothing seems to happen; programs read standard output only."""
    from stamina.instrumentation import RetryDetails, set_on_retry_hooks  # noqa: PLC0415 as above

    def say(details: RetryDetails) -> None:
        click.echo(f"{details.caused_by} Waiting {details.wait_for:.1f} s.", err=True)

    set_on_retry_hooks([say])
