"""Which system account the database server runs under: PostgreSQL refuses root, and we create no users."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from facepass.domain.errors import ConfigurationError

ROOT_UID = 0
CANDIDATES = ("postgres", "nobody")
FALLBACK_ID = 65534


class RunAs(TypedDict, total=False):
    """The arguments of `subprocess` that change the account of a child."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group id."""

    uid: int
    gid: int

    @property
    def run_as(self) -> RunAs:
        """What to pass to `subprocess`; nothing where the account is already ours."""
        if self.uid == os.geteuid():
            return RunAs()
        return RunAs(user=self.uid, group=self.gid, extra_groups=[])

    def own(self, path: Path) -> None:
        """Give a file or folder to the account."""
        if self.uid != os.geteuid():
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def may(self, path: Path, user_bit: int) -> bool:
        """Whether the mode of one file or folder grants a right, given as the owner's bit (`stat.S_IXUSR`, …)."""
        status = path.stat()
        if self.uid in (ROOT_UID, status.st_uid):
            return bool(status.st_mode & user_bit)
        if self.gid == status.st_gid:
            return bool(status.st_mode & user_bit >> 3)
        return bool(status.st_mode & user_bit >> 6)

    def closed_folder(self, path: Path) -> Path | None:
        """The first folder on the way to `path`, itself included, that the account may not enter."""
        folders = [*reversed(path.parents), path]
        return next((folder for folder in folders if not self.may(folder, stat.S_IXUSR)), None)


def server_account(home: Path) -> Account:
    """The account for a server that lives in `home`: ours, or as root the one that owns it, or an unprivileged one.

    Raises:
        ConfigurationError: the folder belongs to somebody else and we are not root.
    """
    owner = home.stat() if home.exists() else None
    if os.geteuid() != ROOT_UID:
        if owner is not None and owner.st_uid != os.geteuid():
            raise ConfigurationError(
                f"{home} belongs to the user with id {owner.st_uid}: run as that user, or choose another DATA_DIR"
            )
        return Account(os.geteuid(), os.getegid())
    if owner is not None and owner.st_uid != ROOT_UID:
        return Account(owner.st_uid, owner.st_gid)
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    return Account(FALLBACK_ID, FALLBACK_ID)


def prepare_home(home: Path) -> Account:
    """Create the server's folder where it is missing, for its account alone, and say which account that is.

    Raises:
        ConfigurationError: the folder cannot be made, is somebody else's, or its account could not get there.
    """
    missing = [folder for folder in reversed(home.parents) if not folder.exists()]
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
        for folder in missing:
            folder.chmod(0o755)  # whatever the umask: the server's account has to pass through
        account = server_account(home)
        home.mkdir(mode=0o700, exist_ok=True)
        account.own(home)
        closed = account.closed_folder(home)
    except OSError as error:
        raise ConfigurationError(
            f"the database folder {home} cannot be used: {error.strerror}; set DATA_DIR to a folder we may write to"
        ) from error
    if closed is not None:
        raise ConfigurationError(
            f"the database runs as the user with id {account.uid}, which may not enter {closed}: "
            f"set DATA_DIR to a folder outside it, such as /var/lib/facepass, or run `chmod o+x {closed}`"
        )
    return account
