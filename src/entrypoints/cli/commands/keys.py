"""`facepass keys`: the API keys that are kept in the database."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from facepass.domain.access import Scope
from facepass.domain.api_key import MAX_LIFETIME_DAYS
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, show
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

if TYPE_CHECKING:
    from facepass.entrypoints.http import schemas
    from facepass.entrypoints.settings import Settings

T = TypeVar("T")

HOUR_S = 3600
MAX_GRACE_HOURS = 30 * 24
PREFIX = click.argument("prefix", metavar="PREFIX")


@click.group("keys", epilog="Example: facepass keys create --name 'photo site' --scope index --scope token")
def command() -> None:
    """Make, list, replace and revoke API keys.

    A key is shown once, when it is made; the database holds a digest of it under SECRET_KEY. Keys of the setting
    API_KEYS may do everything and are not listed here. Works on the configured database; the embedded one is started
    for it.
    """


@command.command("create", epilog="Example: facepass keys create --name 'photo site' --scope index --days 365")
@click.option("--name", required=True, help="What you call it.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may be used for; give as many as it needs. `admin` can make keys for everything.",
)
@click.option("--days", type=click.IntRange(1, MAX_LIFETIME_DAYS), help="Valid for so long. Default: until revoked.")
@json_option
def create(name: str, scopes: tuple[str, ...], days: int | None, as_json: bool) -> None:
    """Make a key. The key itself is the only thing on standard output."""
    from facepass.entrypoints import credentials  # noqa: PLC0415 help does without

    made = _run(lambda settings: credentials.create_key(settings, name=name, scopes=scopes, expires_in_days=days))
    _show_once(made, as_json=as_json)


@command.command("list", epilog="Example: facepass keys list")
@json_option
def list_(as_json: bool) -> None:
    """List the keys, newest first, without their secrets."""
    from facepass.entrypoints import credentials  # noqa: PLC0415 help does without
    from facepass.entrypoints.cli import views  # noqa: PLC0415 help does without

    listed = _run(credentials.list_keys)
    show(listed, views.managed_keys(listed), json=as_json)


@command.command("rotate", epilog="Example: facepass keys rotate fp_k3jq2mza --grace-hours 48")
@PREFIX
@click.option(
    "--grace-hours",
    type=click.IntRange(0, MAX_GRACE_HOURS),
    default=24,
    show_default=True,
    help="How long the old key stays valid.",
)
@json_option
def rotate(prefix: str, grace_hours: int, as_json: bool) -> None:
    """Make a key of the same name, scopes and length of life in the place of another."""
    from facepass.entrypoints import credentials  # noqa: PLC0415 help does without

    made = _run(lambda settings: credentials.rotate_key(settings, prefix, grace_s=grace_hours * HOUR_S))
    _show_once(made, as_json=as_json)


@command.command("revoke", epilog="Example: facepass keys revoke fp_k3jq2mza")
@PREFIX
@json_option
def revoke(prefix: str, as_json: bool) -> None:
    """Take a key out of use, for good. Running services refuse it within a second."""
    from facepass.entrypoints import credentials  # noqa: PLC0415 help does without
    from facepass.entrypoints.cli import views  # noqa: PLC0415 help does without

    revoked = _run(lambda settings: credentials.revoke_key(settings, prefix))
    show(revoked, views.managed_key(revoked), json=as_json)


def _show_once(made: "schemas.CreatedKey", *, as_json: bool) -> None:
    from facepass.entrypoints.cli import views  # noqa: PLC0415 help does without

    if not as_json:
        note(f"{made.key.name} ({made.key.prefix}): {views.key_terms(made.key)}. Keep it: it is not shown again.")
    show(made, made.secret, json=as_json)


def _run(work: "Callable[[Settings], Coroutine[Any, Any, T]]") -> T:
    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    return asyncio.run(work(settings))
