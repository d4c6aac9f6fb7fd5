"""`facepass demo`: draw a session, start the service, index, search, measure, clean up."""

import asyncio
import os
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from rich.console import Console

from facepass.domain.face import BoundingBox
from facepass.entrypoints.client.remote import connected
from facepass.entrypoints.client.service import Service
from facepass.entrypoints.demo import measure
from facepass.entrypoints.demo.contact_sheet import choose, write_contact_sheet
from facepass.entrypoints.demo.interruption import run_to_end
from facepass.entrypoints.demo.memory import PeakMemory, watched
from facepass.entrypoints.demo.next_steps import next_steps
from facepass.entrypoints.demo.people import PEOPLE, People
from facepass.entrypoints.demo.photos import DemoSession, make_session
from facepass.entrypoints.demo.progress import Steps
from facepass.entrypoints.demo.report import DemoReport, Indexing, Memory
from facepass.entrypoints.demo.service_process import ServiceProcess, private_launch
from facepass.entrypoints.demo.visits import (
    IndexRun,
    SearchRun,
    everybody,
    index_session,
    indexed_photos,
    named,
    search_all,
)

SESSION_ID = "demo"
SEED = 1
PHOTOS = 200


class DemoOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure, and where to leave it.

    Attributes:
        out_dir: keeps the drawn pictures (found again by the next run), the contact sheet and the report.
        models_dir: the caller's prepared models; they are prepared there if they are not.
        data_dir: of the service; None for a temporary one, or with `keep` for one below `out_dir`.
        photos: how many event photos, at least 1.
        seed: of everything that is drawn.
        port: of the service; 0 for a free one.
        keep: leave the service running with the session in it.
    """

    out_dir: Path
    models_dir: Path
    data_dir: Path | None = None
    photos: int = PHOTOS
    seed: int = SEED
    port: int = 0
    keep: bool = False


def run_demo(options: DemoOptions, *, console: Console) -> DemoReport:
    """Run the demo; it leaves no process behind unless `keep` asks for it.

    Args:
        options: what to do.
        console: for progress and, with `keep`, what to do next; usually on standard error.

    Raises:
        ConfigurationError: the faces are not installed, or the service did not start; its last words are quoted.
        FacePassError: the service refused what it must not refuse.
        KeyboardInterrupt: ended by ctrl-C or a signal, after cleaning up.
    """
    return run_to_end(_run(options, console))


async def _run(options: DemoOptions, console: Console) -> DemoReport:
    people = People.installed()
    key = secrets.token_urlsafe(24)
    await asyncio.to_thread(options.out_dir.mkdir, parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        data_dir = await stack.enter_async_context(_data_dir(options))
        launch = private_launch(
            os.environ, data_dir=data_dir, models_dir=options.models_dir, api_key=key, port=options.port
        )
        steps = stack.enter_context(Steps(console))
        process = await ServiceProcess.start(launch)
        stopping = stack.push_async_callback(process.stop)
        started = time.perf_counter()
        session = await steps.in_thread(
            "Drawing photos",
            lambda told: make_session(people, options.out_dir, seed=options.seed, photos=options.photos, progress=told),
        )
        drawing_s = time.perf_counter() - started
        with steps.step("Starting the service") as step:
            await process.ready(step.say)
        start_s = time.perf_counter() - started
        service = await stack.enter_async_context(connected(launch.url, api_key=key))
        async with watched(process.pid, data_dir) as peak:
            indexed, searched = await _use(service, session, steps)
        with steps.step("Drawing the contact sheet"):
            report = await asyncio.to_thread(
                _report, options, session, indexed, searched, peak, drawing_s=drawing_s, start_s=start_s
            )
        if options.keep:
            steps.close()
            await next_steps(console, launch.url, key, session, SESSION_ID, stop=f"kill {process.pid}")
            stack.pop_all()
    return report
