"""`facepass demo --serve`, which `make run` calls: the service in the foreground with the demo session in it."""

import asyncio
import os
from pathlib import Path

from rich.console import Console

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.client.remote import connected
from facepass.entrypoints.demo.interruption import run_to_end
from facepass.entrypoints.demo.next_steps import show_next_steps
from facepass.entrypoints.demo.people import People
from facepass.entrypoints.demo.photos import DemoSession, make_session
from facepass.entrypoints.demo.progress import Steps
from facepass.entrypoints.demo.run import SESSION_ID
from facepass.entrypoints.demo.service_process import Launch, ServiceProcess
from facepass.entrypoints.demo.visits import index_session, indexed_photos
from facepass.entrypoints.environment import PREFIX
from facepass.entrypoints.local_key import api_keys
from facepass.entrypoints.serve import bind
from facepass.entrypoints.settings import Security, Settings

EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 compared with, not listened on
"""Addresses that mean all of the machine's, and where such a service is reached from the machine itself."""


def serve_demo(settings: Settings, *, photos: int, seed: int, console: Console) -> int:
    """Start the service, make sure the demo session is in it, and stay until it ends.

    Its log goes to `service.log` in DATA_DIR, the demo's pictures into the folder `demo` there.

    Args:
        settings: those in force; host, port and DATA_DIR are handed on, all else the service reads as we did. The
            usual limit on indexing is lifted, another one is kept.
        photos: of the session, where it is not there yet.
        seed: of everything that is drawn.
        console: for progress and what to do next; usually on standard error.

    Returns:
        The service's exit status.

    Raises:
        ConfigurationError: the faces are not installed, there is no key, or the service did not start.
        KeyboardInterrupt: ended by ctrl-C or a signal, after the service was stopped.
    """
    return run_to_end(_serve(settings, photos, seed, console))


async def _serve(settings: Settings, photos: int, seed: int, console: Console) -> int:
    People.installed()
    data_dir = settings.application.data_dir.absolute()
    await asyncio.to_thread(data_dir.mkdir, parents=True, exist_ok=True)
    keys = await asyncio.to_thread(api_keys, settings)
    if not keys:
        raise ConfigurationError("API_KEYS must hold a key in production: the demo puts its photos in with it.")
    key = keys[0]
    launch = _launch(settings, data_dir)
    # Now, and not by the service: until it has found out, whoever holds the port would answer in its place.
    with bind(settings.server.api_host, settings.server.api_port):
        pass
    process = await asyncio.to_thread(ServiceProcess.start, launch)
    try:
        with Steps(console) as steps:
            with steps.step("Starting the service") as step:
                await process.ready(step.say)
            session = await ensure_demo_session(
                launch.url, key, data_dir / "demo", photos=photos, seed=seed, steps=steps
            )
        show_next_steps(console, url=launch.url, key=key, session=session, session_id=SESSION_ID, stop="ctrl-C")
        status = await process.ended()
        console.print(f"The service ended with {status}. Its log: {launch.log}", soft_wrap=True)
        return status
    finally:
        await process.stop()


def _launch(settings: Settings, data_dir: Path) -> Launch:
    host, port = settings.server.api_host, settings.server.api_port
    ours = {"API_HOST": host, "API_PORT": str(port), "DATA_DIR": str(data_dir)}
    if settings.security.rate_limit_index == Security().rate_limit_index:
        ours["RATE_LIMIT_INDEX"] = "0"  # the demo's photos alone would use up two minutes of it
    return Launch(
        url=f"http://{EVERYWHERE.get(host, host)}:{port}",
        environment={**os.environ, **{PREFIX + name: value for name, value in ours.items()}},
        folder=Path.cwd(),
        log=data_dir / "service.log",
    )


async def ensure_demo_session(
    service_url: str, key: str, out_dir: Path, *, photos: int, seed: int, steps: Steps
) -> DemoSession:
    """Index the demo session `demo` at a running service, unless it is there already.

    A session that is there in part is indexed again: that replaces what it holds and adds nothing twice.

    Args:
        service_url: with or without `/api/v1`.
        key: may index.
        out_dir: keeps the drawn pictures.
        photos: of the session; one that has as many is complete.
        seed: of everything that is drawn.
        steps: shows the progress.

    Raises:
        ConfigurationError: the faces are not installed, or photos could not be indexed.
        FacePassError: what the service refused.
    """
    people = People.installed()
    session = await steps.in_thread(
        "Drawing photos", lambda told: make_session(people, out_dir, seed=seed, photos=photos, progress=told)
    )
    async with connected(service_url, api_key=key) as service:
        with steps.step("Indexing the demo session") as step:
            if await indexed_photos(service, SESSION_ID) >= photos:
                step.count(photos, photos)
                return session
            indexed = await index_session(service, SESSION_ID, session, progress=step.photos)
    if indexed.failed:
        photo_id, reason = next(iter(indexed.failed.items()))
        raise ConfigurationError(f"{len(indexed.failed)} photos were not indexed, the first {photo_id}: {reason}")
    return session
