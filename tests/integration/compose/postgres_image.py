"""What the image of PostgreSQL does by itself: it makes a cluster and a database before its first start."""

import asyncio
import subprocess
from pathlib import Path

import asyncpg

from facepass.adapters.embedded_postgres.account import Account
from tests.integration.compose.running import Running, wait_for

IMAGE = "pgvector/pgvector"
DATA = "/var/lib/postgresql/data"


def data_of(one: Running) -> Path:
    """Its data folder."""
    return one.folder / DATA.lstrip("/")


def password_of(one: Running) -> str:
    """That of POSTGRES_USER."""
    return one.environment.get("POSTGRES_PASSWORD") or Path(one.environment["POSTGRES_PASSWORD_FILE"]).read_text()


def prepare(one: Running, programs: Path, account: Account) -> None:
    """Make the cluster, unless there is one."""
    data = data_of(one)
    data.resolve().chmod(0o700)
    if (data / "PG_VERSION").exists():
        return
    secret = one.folder / "tmp" / "password"
    secret.write_text(password_of(one))
    account.own(secret)
    arguments = one.environment["POSTGRES_INITDB_ARGS"].split()
    done = subprocess.run(  # noqa: S603 - our own arguments
        [
            *(str(programs / "initdb"), "-D", str(data), "--username", one.environment["POSTGRES_USER"]),
            *(f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync", "--no-instructions", *arguments),
        ],
        env=dict(one.environment),
        cwd=one.folder / "tmp",
        capture_output=True,
        text=True,
        check=False,
        **account.run_as,
    )
    secret.unlink()
    assert done.returncode == 0, done.stderr


def create_database(one: Running) -> None:
    """Make POSTGRES_DB, unless it is there; the image does it before anybody is told that the server is healthy."""
    environment = one.environment

    async def create() -> None:
        connection = await asyncpg.connect(
            host=one.address,
            user=environment["POSTGRES_USER"],
            password=password_of(one),
            database="postgres",
            timeout=5,
        )
        try:
            name = environment["POSTGRES_DB"]
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
                await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    def created() -> bool:
        assert one.process is not None
        assert one.process.poll() is None, one.log
        try:
            asyncio.run(create())
        except (OSError, asyncpg.CannotConnectNowError):
            return False
        return True

    wait_for(created, lambda: one.log)
