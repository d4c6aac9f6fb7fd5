"""`facepass db`: the database and what is kept of it elsewhere.

A module of `facepass.entrypoints.cli.database` names its commands in `COMMANDS`, and one line below adds them. What is
heavy is imported by a command when it runs, so collecting them costs nothing.
"""

import rich_click as click

from facepass.entrypoints.cli.database import backups, housekeeping, import_v1, reembed, schema

SUBJECTS = (schema, backups, housekeeping, import_v1, reembed)


@click.group("db", epilog="Example: facepass db upgrade")
def command() -> None:
    """Create and change the database schema, back it up and restore it.

    Works on the configured database; the embedded one is started for it. `serve` upgrades the embedded database by
    itself, any other only when told to here.
    """


for subject in SUBJECTS:
    for each in subject.COMMANDS:
        command.add_command(each)
