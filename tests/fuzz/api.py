"""Fuzzes a running service by its own OpenAPI document: a real process, PostgreSQL, models, a session with faces in it.

    python -m tests.fuzz.api --examples 200

All of schemathesis' checks are on: no 5xx but the documented 503, no undocumented status, header or shape, nothing
accepted that the document forbids, nothing without the credentials it asks for. Ends with 1 on any finding.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx

from facepass.entrypoints.demo.service_process import ServiceProcess, private_launch
from tests.fuzz.seeded import PHOTO, SESSION

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEY = "a-key-for-fuzzing-7f3c9d2e51"


def seed(url: str) -> None:
    """Index a picture that has a face, under the names of the document's examples."""
    from tests.fuzz.hooks import pictures  # noqa: PLC0415 - registers strategies with schemathesis

    answer = httpx.post(
        f"{url}/api/v1/index",
        headers={"X-API-Key": KEY},
        data={"session_id": SESSION, "photo_id": PHOTO},
        files={"file": pictures()[0]},
        trust_env=False,
        timeout=60,
    )
    answer.raise_for_status()


def fuzz(url: str, *, examples: int, number: int) -> int:
    """Run schemathesis; its exit status."""
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run"]
    command += [f"{url}/openapi.json", "--checks", "all", "--max-examples", str(examples), "--seed", str(number)]
    command += ["--header", f"X-API-Key: {KEY}", "--continue-on-failure", "--no-color", "--warnings", "off"]
    command += ["--request-timeout", "60", "--output-truncate", "true"]
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks", "PYTHONPATH": str(ROOT)}
    with tempfile.TemporaryDirectory(prefix="facepass-fuzz-") as folder:
        return subprocess.run(command, cwd=folder, env=environment, check=False).returncode  # noqa: S603 - our own


def made(folder: Path) -> Path:
    """A place for a service's data that the account of its database may enter."""
    folder.chmod(0o755)
    data_dir = folder / "data"
    data_dir.mkdir()
    return data_dir


async def run(*, examples: int, number: int, models_dir: Path) -> int:
    """Start a service, fuzz it, stop it."""
    with tempfile.TemporaryDirectory(prefix="facepass-fuzz-") as folder:
        data_dir = made(Path(folder))
        launch = private_launch(
            os.environ, data_dir=data_dir, models_dir=models_dir, log=Path(folder) / "log", api_key=KEY, port=0
        )
        service = ServiceProcess.start(launch)
        try:
            await service.ready(lambda _: None)
            await asyncio.to_thread(seed, launch.url)
            status = await asyncio.to_thread(fuzz, launch.url, examples=examples, number=number)
            log = launch.log.read_text(encoding="utf-8", errors="replace")
        finally:
            await service.stop()
    if "Traceback" in log:
        print(log[log.index("Traceback") :][:20_000])  # noqa: T201 - a script
        return status or 1
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--examples", type=int, default=200, help="of each operation and phase")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models-dir", type=Path, default=ROOT / ".facepass" / "models")
    options = parser.parse_args()
    sys.exit(asyncio.run(run(examples=options.examples, number=options.seed, models_dir=options.models_dir)))
