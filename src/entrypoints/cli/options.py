"""Options that several commands share, spelt and explained once."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import rich_click as click

from facepass.entrypoints.cli.lazy import JSON
from facepass.entrypoints.cli.runtime import KEY_VARIABLE, URL_VARIABLE, Target

Command = Callable[..., Any]

MAX_KEY_BYTES = 4096

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""Type of an argument or option that names a file to read."""

session_option = click.option("--session", required=True, metavar="ID", help="Id of the photo session.")
"""`--session`, passed on as `session`."""


def _remember_json(context: click.Context, _: click.Parameter, value: bool) -> bool:
    context.meta[JSON] = value
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,
    callback=_remember_json,
    help="Print one JSON document; errors as JSON on standard error.",
)
"""`--json`, passed on as `as_json`; known before anything else can fail."""


def service_options(command: Command) -> Command:
    """`--url`, `--api-key` and `--api-key-file`, passed on as one `target`."""

    @click.option(
        "--url",
        envvar=URL_VARIABLE,
        show_envvar=True,
        metavar="URL",
        help="Ask the service at this address instead of working on the database.",
    )
    @click.option(
        "--api-key",
        envvar=KEY_VARIABLE,
        show_envvar=True,
        metavar="KEY",
        help="Key for --url. Others on this machine can see command lines: better the variable, or a file.",
    )
    @click.option("--api-key-file", type=FILE, help="File that holds the key for --url.")
    @wraps(command)
    def with_target(*args: Any, url: str | None, api_key: str | None, api_key_file: Path | None, **options: Any) -> Any:
        key = api_key if api_key_file is None else _read_key(api_key_file)
        return command(*args, target=Target(url, key), **options)

    return with_target


def _read_key(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(MAX_KEY_BYTES)
    try:
        return raw.decode("ascii").strip()
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path} holds something other than a key.", param_hint="--api-key-file") from None
