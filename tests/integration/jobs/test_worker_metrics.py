"""`facepass worker` with METRICS_PORT: it answers while it works, says why it cannot, and stops in time."""

import asyncio
import signal
import socket
import sys
import time

import httpx
import pytest

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.settings import Server, Settings
from facepass.entrypoints.worker import work
from tests.integration.http.process_support import free_port

PROGRAM = """
import sys
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.settings import Server, Settings
from facepass.entrypoints.worker import work
settings = Settings(server=Server(metrics_port=int(sys.argv[1]), shutdown_grace_s=float(sys.argv[2])))
work(in_memory(settings), concurrency=1, progress=lambda line: print(line, flush=True))
"""
GRACE_S = 10.0
START_TIMEOUT_S = 60


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_worker_answers_and_stops_in_time(number: signal.Signals) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, str(port), str(GRACE_S),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT_S)
        assert line == b"Working on jobs, 1 photos at once.\n"
        transport = httpx.AsyncHTTPTransport(retries=10)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/health/live")).status_code == 200
            assert (await client.get("/health/ready")).status_code == 200
            scrape = (await client.get("/metrics")).text
            assert 'job_units_total{outcome="done"} 0.0' in scrape
            assert "facepass_build_info{" in scrape
            # a connection that is kept makes no end later
            begun_s = time.monotonic()
            process.send_signal(number)
            assert await asyncio.wait_for(process.wait(), GRACE_S) == 0
        assert time.monotonic() - begun_s < GRACE_S / 2
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_a_port_that_is_taken_is_named_before_anything_is_opened() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        container = in_memory(Settings(server=Server(metrics_port=port)))
        with pytest.raises(ConfigurationError, match=rf"METRICS_PORT={port}: something else listens"):
            await asyncio.to_thread(work, container, concurrency=1, progress=print)
