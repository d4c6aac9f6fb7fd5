"""The data folder on disk: made once, whole or not at all, with a database and a role of its own."""

import importlib.metadata
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from facepass.adapters.embedded_postgres.account import Account
from facepass.domain.errors import ConfigurationError

DATABASE = "facepass"
ROLE = "facepass"
PASSWORD_BYTES = 24
ENVIRONMENT = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.defpath}


def read_password(home: Path) -> str:
    """The role's password."""
    return (home / "password").read_text(encoding="ascii").strip()


def check_version(data: Path) -> None:
    """Refuse data that a PostgreSQL of another major version wrote.

    Raises:
        ConfigurationError: naming both versions and what to do.
    """
    written = (data / "PG_VERSION").read_text(encoding="ascii").strip()
    installed = importlib.metadata.version("embedded-postgres").partition(".")[0]
    if written != installed:
        raise ConfigurationError(
            f"{data} was written by PostgreSQL {written}, embedded-postgres brings {installed}: install "
            f"'embedded-postgres=={written}.*', or dump with that version and restore with the new one"
        )


def initialise(home: Path, programs: Path, account: Account, *, timeout_s: float) -> None:
    """Create the cluster: checksums, SCRAM, UTF-8 in code-point order, pgvector, one database and its owner.

    The role is no superuser, and the superuser's password is forgotten: whoever gets hold of our connection can
    neither read files nor start programs. pgvector may only be installed by a superuser, so it comes with the template
    that every database of this cluster is made from. Takes the final name only when complete.

    Raises:
        ConfigurationError: the programs failed; their last words are in the message.
    """
    partial = home / "data-partial"
    if partial.exists():
        shutil.rmtree(partial)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    _write_secret(home / "password", password, account)
    forgotten = home / "superuser-password"
    _write_secret(forgotten, secrets.token_urlsafe(PASSWORD_BYTES), account)
    _run(
        [
            *(str(programs / "initdb"), "-D", str(partial), "--username=postgres", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C", "--builtin-locale=C.UTF-8", "--data-checksums"),
            *("--auth=scram-sha-256", f"--pwfile={forgotten}", "--no-instructions"),
        ],
        account,
        timeout_s=timeout_s,
    )
    forgotten.unlink()
    _run(
        [str(programs / "postgres"), "--single", "-D", str(partial), "-c", "log_checkpoints=off", "template1"],
        account,
        timeout_s=timeout_s,
        # single-user mode takes one statement a line; the password is base64url and needs no quoting
        statements=(
            "CREATE EXTENSION vector",
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{password}'",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE}",
        ),
    )
    partial.rename(home / "data")


def _write_secret(path: Path, secret: str, account: Account) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secret + "\n")
        file.flush()
        os.fsync(file.fileno())
    account.own(path)


def _run(command: list[str], account: Account, *, timeout_s: float, statements: tuple[str, ...] = ()) -> None:
    """Run one of the programs to its end, with statements on its standard input."""
    program = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell  # nosec B603
            command,
            input="".join(f"{statement};\n" for statement in statements),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout_s,
            check=False,
            env=ENVIRONMENT,
            cwd=command[command.index("-D") + 1] if statements else "/",
            **account.run_as,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(f"{program} did not end within {timeout_s:g} s") from error
    # single-user mode ends with 0 whatever its statements did
    failures = [line for line in done.stderr.splitlines() if any(mark in line for mark in ("ERROR:", "FATAL:"))]
    if done.returncode or failures:
        words = (failures or done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        raise ConfigurationError(f"the embedded database cannot be created: {program}: {words}")
