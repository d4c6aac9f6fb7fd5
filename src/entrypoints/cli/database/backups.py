"""`facepass db backup`, `restore`, `verify-backup` and `backups`: what is kept of the database elsewhere."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import rich_click as click

from facepass.entrypoints.cli.exit_codes import ExitCode
from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import note, print_json
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr

if TYPE_CHECKING:
    from facepass.entrypoints.backups import Manifest
    from facepass.entrypoints.settings import Settings

T = TypeVar("T")

PLACE = "DIR|s3://BUCKET/PREFIX"
ONE = f"{PLACE}[/NAME]"


@click.command("backup", epilog="Example: facepass db backup --to /var/backups/facepass")
@click.option("--to", "place", required=True, metavar=PLACE, help="Where to; for backups of this database alone.")
@json_option
def backup(place: str, as_json: bool) -> None:
    """Back up the database, then delete backups older than BACKUP_RETENTION_DAYS.

    The service may go on meanwhile: a backup shows one moment and makes no one wait. It appears with its manifest or
    not at all. Keys of encrypted sessions lie beside the backups in keys.json, which every backup overwrites: protect
    that file like the backups, and keep both. For s3:// set S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY.
    """
    from facepass.entrypoints import backups as operations  # noqa: PLC0415 help does without

    manifest = _run(lambda settings: operations.back_up(settings, place, progress=note))
    _tell(manifest, f"{_line(manifest)}", as_json)


@click.command("restore", epilog="Example: facepass db restore --from /var/backups/facepass --yes")
@click.option("--from", "place", required=True, metavar=ONE, help="Which backup; the newest where none is named.")
@click.option(
    "--into",
    metavar="DSN",
    help="Into this database in place of the configured one; it need not exist. Others on this machine can see command "
    "lines: leave the password to PGPASSFILE.",
)
@click.option("--replace", is_flag=True, help="Also where the database holds something, which is lost.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
def restore(place: str, into: str | None, replace: bool, yes: bool, as_json: bool) -> None:
    """Put a backup in the place of the database.

    The backup is checked, restored beside the database and compared with its manifest; then the two are swapped.
    Whatever fails before leaves the database as it is. Stop the service first. What was erased since the backup, as
    erasures.json beside it says, is erased again.
    """
    if not yes:
        click.confirm(f"Put the backup of {place} in the place of the database?", abort=True, err=True)
    from facepass.entrypoints import backups as operations  # noqa: PLC0415 help does without

    where = operations.Place.parse(place)
    restored = _run(lambda settings: operations.restore(settings, where, into=into, replace=replace, progress=note))
    _tell(restored, f"The database {restored.database} is back at {restored.created_at:%Y-%m-%d %H:%M:%S %Z}.", as_json)


@click.command("verify-backup", epilog="Example: facepass db verify-backup --from /var/backups/facepass")
@click.option("--from", "place", required=True, metavar=ONE, help="Which backup; the newest where none is named.")
@json_option
@click.pass_context
def verify_backup(context: click.Context, place: str, as_json: bool) -> None:
    """Rehearse a restore, and compare every table with what was backed up.

    The backup is restored beside the configured database into one of its own, which is dropped at the end: the server
    needs room for it. Ends with 1 where anything differs.
    """
    from facepass.entrypoints import backups as operations  # noqa: PLC0415 help does without

    where = operations.Place.parse(place)
    found = _run(lambda settings: operations.verify(settings, where, progress=note))
    lines = [
        f"{found.backup}: {'DIFFERS' if found.differences else 'good'}, {found.rows} rows of {found.tables} tables."
    ]
    lines += [f"  {difference}" for difference in found.differences]
    if found.sessions_unreadable:
        lines.append(f"  {found.sessions_unreadable} sessions in it were erased since and stay unreadable.")
    _tell(found, "\n".join(lines), as_json)
    if found.differences:
        context.exit(ExitCode.REFUSED)


@click.command("backups", epilog="Example: facepass db backups --at /var/backups/facepass")
@click.option("--at", "place", required=True, metavar=PLACE, help="Where they are.")
@json_option
def backups(place: str, as_json: bool) -> None:
    """List the backups in a place, oldest first."""
    from facepass.entrypoints import backups as operations  # noqa: PLC0415 help does without

    manifests = _run(lambda settings: operations.backups(settings, place))
    _tell(manifests, "\n".join(_line(manifest) for manifest in manifests) or "There is no backup here.", as_json)


def _run(work: "Callable[[Settings], Coroutine[Any, Any, T]]") -> T:
    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    return asyncio.run(work(settings))


def _line(manifest: "Manifest") -> str:
    rows = sum(table.rows for table in manifest.tables)
    return f"{manifest.name}  {manifest.size_bytes} bytes, {rows} rows, schema {manifest.schema_revision or 'none'}"


def _tell(answer: Any, text: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        click.echo(text)


COMMANDS = (backup, restore, verify_backup, backups)
