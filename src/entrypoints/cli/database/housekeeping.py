"""`facepass db maintain` and `rotate-key`: upkeep by hand."""

import asyncio

import rich_click as click

from facepass.entrypoints.cli.options import json_option
from facepass.entrypoints.cli.output import print_json
from facepass.entrypoints.cli.runtime import load_settings, log_to_stderr


@click.command("maintain", epilog="Example: facepass db maintain")
@json_option
def maintain(as_json: bool) -> None:
    """Do now what the service does every hour.

    Erases the sessions that SESSION_TTL_DAYS says are over, forgets erasures older than BACKUP_RETENTION_DAYS, builds
    or rebuilds the index of sessions beyond EXACT_SEARCH_MAX_FACES, and measures what that index finds.
    """
    from facepass.entrypoints import housekeeping  # noqa: PLC0415 help does without

    settings = load_settings()
    log_to_stderr(settings, least_level="INFO")
    done = asyncio.run(housekeeping.maintain(settings))
    if as_json:
        print_json(done)
        return
    recall = "no session is searched by an index" if done.recall is None else f"{done.recall:.3f}"
    click.echo(f"Sessions expired: {done.expiry.sessions} ({done.expiry.photos_removed} photos)")
    click.echo(f"Erasures purged: {done.expiry.purged}")
    click.echo(f"Indexes mended: {done.indexes_mended}")
    click.echo(f"Recall: {recall}")


@click.command("rotate-key", epilog="Example: facepass db rotate-key")
@json_option
def rotate_key(as_json: bool) -> None:
    """Encrypt the sessions' keys under the first key of ENCRYPTION_KEY.

    Set ENCRYPTION_KEY to the new key and the old one, with a comma between, for the service too, then run this. When
    it has ended, the old key can go once no backup needs it; take a backup first, for keys.json beside the backups
    still holds the old wrapping. Templates are not rewritten, and the service goes on meanwhile.
    """
    from facepass.entrypoints import housekeeping  # noqa: PLC0415 as above

    settings = load_settings()
    log_to_stderr(settings, least_level="WARNING")
    rotation = asyncio.run(housekeeping.rotate_key(settings))
    if as_json:
        print_json(rotation)
    else:
        click.echo(f"{rotation.rotated} keys were wrapped again; all are under {rotation.key_id} now.")


COMMANDS = (maintain, rotate_key)
