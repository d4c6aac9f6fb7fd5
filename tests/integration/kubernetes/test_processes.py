"""The containers' commands with their own variables, as plain processes: migrated, asked what the probes ask, ended.

Other than in a Pod are what a machine can have once only (ports, folders), the address (loopback), where the models are
(in the image), and the database's.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.integration.http.process_support import free_port
from tests.integration.kubernetes.support import Object, container_of, objects, pods, rendered, values_of
from tests.integration.kubernetes.test_environment import environment
from tests.tasks import until

LEAD_S = 1
START_S = 60
PORTS = {"facepass-api": "API_PORT", "facepass-worker": "METRICS_PORT"}


class Machine:
    """Starts containers of the chart on this machine.

    Attributes:
        pods: of the chart, by what makes them.
        ports: where the long-running ones listen.
    """

    def __init__(self, folder: Path, models: Path, database_url: str) -> None:
        values = values_of(("values-minimal.yaml",), {"settings": {"SHUTDOWN_LEAD_S": LEAD_S}})
        self.pods: dict[str, Object] = dict(pods([found for _, found in objects(rendered(values))]))
        self.ports = {name: free_port() for name in PORTS}
        self._folder = folder
        self._own = {
            "API_HOST": "127.0.0.1",
            "DATA_DIR": str(folder),
            "TMPDIR": str(folder),
            "MODELS_DIR": str(models),
            **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        }
        self._database_url = database_url

    async def start(self, name: str) -> asyncio.subprocess.Process:
        """The only container of a Pod."""
        command, variables = self._told(name)
        with self.log_of(name).open("wb") as log:
            return await asyncio.create_subprocess_exec(
                *command, env=variables, cwd=self._folder, stdout=log, stderr=asyncio.subprocess.STDOUT
            )

    def log_of(self, name: str) -> Path:
        """What it said the last time it was started."""
        return self._folder / f"{name}.log"

    def _told(self, name: str) -> tuple[list[str], dict[str, str]]:
        container = container_of(self.pods[name])
        variables = environment(container, self._folder)
        Path(variables["DATABASE_URL_FILE"]).write_text(self._database_url, encoding="utf-8")
        port = {PORTS[name]: str(self.ports[name])} if name in PORTS else {}
        assert port.keys() <= variables.keys()
        program, *arguments = container["command"]
        assert program == "facepass"
        return [sys.executable, "-m", "facepass", *arguments], {**variables, **self._own, **port}

    @asynccontextmanager
    async def running(self, name: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """Until the block is left, at the latest."""
        process = await self.start(name)
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    async def ask(self, client: httpx.AsyncClient, name: str, probe: str) -> int | None:
        """What a probe is told; None where nobody answers."""
        path = container_of(self.pods[name])[probe]["httpGet"]["path"]
        try:
            return (await client.get(f"http://127.0.0.1:{self.ports[name]}{path}")).status_code
        except httpx.TransportError:
            return None


async def test_they_start_answer_the_probes_and_stop(
    tmp_path: Path, onnx_models_dir: Path, empty_database_url: str
) -> None:
    machine = Machine(tmp_path, onnx_models_dir, empty_database_url)
    too_early = await machine.start("facepass-api")
    assert await too_early.wait() != 0, "without the migration nothing starts"
    assert "facepass db upgrade" in machine.log_of("facepass-api").read_text(encoding="utf-8")
    migration = await machine.start("facepass-migrate")
    assert await migration.wait() == 0, machine.log_of("facepass-migrate").read_text(encoding="utf-8")
    async with (
        machine.running("facepass-api") as api,
        machine.running("facepass-worker") as worker,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        for name in PORTS:

            async def started(name: str = name) -> bool:
                return await machine.ask(client, name, "startupProbe") == 200

            async with asyncio.timeout(START_S):
                await until(started)
            assert await machine.ask(client, name, "livenessProbe") == 200
            assert await machine.ask(client, name, "readinessProbe") == 200
            assert (await client.get(f"http://127.0.0.1:{machine.ports[name]}/metrics")).status_code == 200
        assert await helm_test(machine) == 0
        api.send_signal(signal.SIGTERM)
        worker.send_signal(signal.SIGTERM)

        async def leaves() -> bool:
            return await machine.ask(client, "facepass-api", "readinessProbe") == 503

        async with asyncio.timeout(LEAD_S):
            await until(leaves)
        assert await machine.ask(client, "facepass-api", "livenessProbe") == 200, (
            "while it stops it is not to be killed"
        )
        for name, process in (("facepass-api", api), ("facepass-worker", worker)):
            patience_s = machine.pods[name]["spec"]["terminationGracePeriodSeconds"]
            async with asyncio.timeout(patience_s):
                await process.wait()
            assert process.returncode == 0, name
    assert await helm_test(machine) != 0


async def helm_test(machine: Machine) -> int | None:
    """Exit code of what `helm test` runs."""
    program, *arguments, url = container_of(machine.pods["facepass-test-health"])["command"]
    assert program == "python"
    here: Any = httpx.URL(url).copy_with(host="127.0.0.1", port=machine.ports["facepass-api"])
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, str(here), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    await process.communicate()
    return process.returncode
