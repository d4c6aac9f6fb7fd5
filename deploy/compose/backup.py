"""Backs the database up once a day, inside the container `backup` of docker-compose.prod.yml.

`run` does it at BACKUP_AT (UTC), at once where there is no backup yet, and again after a while where one failed; on
Sundays it also restores the newest one beside the database and compares. `check` is the container's health: is there a
backup of the last day?
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

RETRY_AFTER_S = 900.0
OLDEST_GOOD = timedelta(hours=26)
VERIFY_ON = 6
"""Sunday, as Python counts."""


def newest(place: str) -> datetime | None:
    """When the newest backup there was made; None where there is none.

    Raises:
        subprocess.CalledProcessError: the place cannot be read.
    """
    listed = _facepass("backups", "--at", place, "--json")
    listed.check_returncode()
    made = [datetime.fromisoformat(each["created_at"]) for each in json.loads(listed.stdout)]
    return max(made, default=None)


def next_time(now: datetime, at: str) -> datetime:
    """The next `HH:MM` after now."""
    hour, minute = map(int, at.split(":"))
    today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def back_up(place: str, *, verify: bool) -> bool:
    """Make one, and try it where asked to; whether all went well."""
    if _facepass("backup", "--to", place).returncode != 0:
        return False
    return not verify or _facepass("verify-backup", "--from", place).returncode == 0


def _facepass(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own program in our own image, no shell
        ["facepass", "db", *arguments],  # noqa: S607 - the image's PATH says where
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )


def run(place: str, at: str, *, now: Callable[[], datetime], sleep: Callable[[float], None]) -> None:
    """Go on for ever."""
    due = now() if newest(place) is None else next_time(now(), at)
    while True:
        wait_s = (due - now()).total_seconds()
        if wait_s > 0:
            print(f"next backup at {due:%Y-%m-%d %H:%M} UTC", flush=True)
            sleep(wait_s)
        if back_up(place, verify=now().weekday() == VERIFY_ON):
            due = next_time(now(), at)
        else:
            print(f"the backup failed; again in {RETRY_AFTER_S:g} s", file=sys.stderr, flush=True)
            due = now() + timedelta(seconds=RETRY_AFTER_S)


def check(place: str, *, now: Callable[[], datetime]) -> str | None:
    """What is wrong with the backups; None where nothing is."""
    last = newest(place)
    if last is None:
        return "there is no backup"
    return f"the newest backup is of {last:%Y-%m-%d %H:%M} UTC" if now() - last > OLDEST_GOOD else None


def main(arguments: list[str]) -> str | None:
    """The end of the program."""

    def now() -> datetime:
        return datetime.now(UTC)

    place = os.environ["BACKUP_TO"]
    if arguments == ["check"]:
        return check(place, now=now)
    run(place, os.environ["BACKUP_AT"], now=now, sleep=time.sleep)
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
