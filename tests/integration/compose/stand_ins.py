"""What images hold and this machine lacks, as little of it as the compose files use."""

import os
import sys
import urllib.request
from pathlib import Path


def wget(quiet: str, out: str, path: str, url: str) -> None:
    """Of busybox: `wget -q -O /dev/null URL`."""
    assert (quiet, out, Path(path)) == ("-q", "-O", Path(os.devnull))
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5).read()


def valkey_cli(command: str) -> None:
    """`valkey-cli ping`, to the address that the machine gives as VALKEY_HOST."""
    from redis import Redis  # noqa: PLC0415 - the others do without

    assert command == "ping"
    if Redis(host=os.environ["VALKEY_HOST"], password=os.environ["REDISCLI_AUTH"]).ping():
        sys.stdout.write("PONG\n")


def versitygw(*arguments: str) -> None:
    """nanio, told what versitygw was told."""
    port, address, health, path, quiet, backend, folder = arguments
    assert (port, health, path, quiet, backend) == ("--port", "--health", "/health", "--quiet", "posix")
    host, _, number = address.rpartition(":")
    nanio = str(Path(sys.executable).parent / "nanio")
    environment = {
        "PATH": os.defpath,
        "NANIO_ACCESS_KEY": os.environ["ROOT_ACCESS_KEY_ID"],
        "NANIO_SECRET_KEY": os.environ["ROOT_SECRET_ACCESS_KEY"],
    }
    command = [nanio, "serve", "--host", host, "--port", number, "--data-dir", folder]
    os.execve(nanio, command, environment)  # noqa: S606 - our own arguments, no shell


if __name__ == "__main__":
    {"wget": wget, "valkey-cli": valkey_cli, "versitygw": versitygw}[sys.argv[1]](*sys.argv[2:])
