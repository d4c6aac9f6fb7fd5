"""What the tests of a stopping service share: a process that serves from memory."""

import asyncio
import json
import re
import socket
import sys

import httpx

from tests.integration.http.support import KEY

PROGRAM = f"""
import json, sys
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.serve import serve
from facepass.entrypoints.settings import Secret, Security, Server, Settings
settings = Settings(server=Server(**json.loads(sys.argv[1])), security=Security(api_keys=(Secret({KEY!r}),)))
serve(in_memory(settings), progress=lambda line: print(line, flush=True))
"""
START_TIMEOUT_S = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def started(**server: float) -> tuple[asyncio.subprocess.Process, str]:
    """The process and where it listens; `server` are settings of that slice."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PROGRAM,
        json.dumps({"api_port": free_port(), **server}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)).decode()
    found = re.fullmatch(r"FacePass listens on (http://127\.0\.0\.1:\d+) \(documentation: \1/docs\)\n", line)
    assert found, line
    return process, found[1]


async def answering(url: str) -> None:
    """The line comes just before the socket takes connections."""
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(retries=10), base_url=url) as client:
        assert (await client.get("/health/live")).status_code == 200


async def refused(address: httpx.URL) -> None:
    """Return once no new connection is taken."""
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection(address.host, address.port)
            except ConnectionError:
                return
            writer.close()
