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

from facepass.entrypoints.client.remote import connected
from facepass.entrypoints.client.service import Service
from facepass.entrypoints.demo import measure
from facepass.entrypoints.demo.contact_sheet import choose, write_contact_sheet
from facepass.entrypoints.demo.interruption import run_to_end
from facepass.entrypoints.demo.memory import PeakMemory, watched
from facepass.entrypoints.demo.next_steps import show_next_steps
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
        out_dir: keeps the drawn pictures (found again by the next run), the contact sheet, the report and the last
            service's log.
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
    kept = False
    async with AsyncExitStack() as stack:
        data_dir = await stack.enter_async_context(_data_dir(options))
        log = options.out_dir / "service.log"
        await asyncio.to_thread(log.parent.mkdir, parents=True, exist_ok=True)
        launch = private_launch(
            os.environ, data_dir=data_dir, models_dir=options.models_dir, log=log, api_key=key, port=options.port
        )
        process = await asyncio.to_thread(ServiceProcess.start, launch)

        async def end() -> None:
            if not kept:
                await process.stop()

        stack.push_async_callback(end)
        with Steps(console) as steps:
            session, drawing_s, start_s = await _prepare(options, people, process, steps)
            service = await stack.enter_async_context(connected(launch.url, api_key=key))
            async with watched(process.pid, data_dir) as peak:
                indexed, searched = await _use(service, session, steps)
            with steps.step("Writing the report"):
                report = await asyncio.to_thread(
                    _report, options, session, indexed, searched, peak, drawing_s=drawing_s, start_s=start_s
                )
        if options.keep:
            kept = True
            process.release()
            stop = f"kill {process.pid}"
            show_next_steps(console, url=launch.url, key=key, session=session, session_id=SESSION_ID, stop=stop)
    return report


@asynccontextmanager
async def _data_dir(options: DemoOptions) -> AsyncIterator[Path]:
    """The service's DATA_DIR; a temporary one is removed at the end."""
    folder = options.data_dir or (options.out_dir / "service" if options.keep else None)
    if folder:
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="facepass-demo-", ignore_cleanup_errors=True) as temporary:
        # Started by root, the database runs under another account and must find its way in.
        await asyncio.to_thread(os.chmod, temporary, 0o711)
        yield Path(temporary)


async def _prepare(
    options: DemoOptions, people: People, process: ServiceProcess, steps: Steps
) -> tuple[DemoSession, float, float]:
    """Draw while the service starts: the session, seconds to draw it, seconds until the service was ready."""
    started = time.perf_counter()

    async def draw() -> tuple[DemoSession, float]:
        drawn = await steps.in_thread(
            "Drawing photos",
            lambda told: make_session(people, options.out_dir, seed=options.seed, photos=options.photos, progress=told),
        )
        return drawn, time.perf_counter() - started

    async def start() -> float:
        with steps.step("Starting the service") as step:
            await process.ready(step.say)
        return time.perf_counter() - started

    drawing, starting = asyncio.ensure_future(draw()), asyncio.ensure_future(start())
    try:
        start_s = await starting
        session, drawing_s = await drawing
    except BaseException:
        for task in (drawing, starting):
            task.cancel()
        await asyncio.gather(drawing, starting, return_exceptions=True)
        raise
    return session, drawing_s, start_s


async def _use(service: Service, session: DemoSession, steps: Steps) -> tuple[IndexRun, SearchRun]:
    """Index and search, on a session that is not there before."""
    if await indexed_photos(service, SESSION_ID):
        await service.delete(SESSION_ID)
    with steps.step("Indexing photos") as step:
        indexed = await index_session(service, SESSION_ID, session, progress=step.photos)
    with steps.step("Searching with selfies") as step:
        searched = await search_all(service, SESSION_ID, session, people=everybody(), progress=step.count)
    return indexed, searched


def _report(
    options: DemoOptions,
    session: DemoSession,
    indexed: IndexRun,
    searched: SearchRun,
    peak: PeakMemory,
    *,
    drawing_s: float,
    start_s: float,
) -> DemoReport:
    """Compare with the truth, write the contact sheet and `report.json`."""
    results = [measure.selfie_result(session.plan, person, answer) for person, answer in searched.answers.items()]
    answers = named(searched.answers)
    timed = [
        (searched.total_ms[person], answer)
        for person, answer in searched.answers.items()
        if not isinstance(answer, str)
    ]
    found = measure.detection(session.plan, indexed.detected)
    accuracy = measure.accuracy(results, threshold=next((answer.threshold for answer in answers.values()), None))
    latency = measure.latency([total for total, _ in timed], [answer.timings_ms for _, answer in timed])
    sheet = options.out_dir / "contact-sheet.png"
    write_contact_sheet(sheet, session, choose(results), answers)
    photos = len(session.plan.photos)
    report = DemoReport(
        session_id=SESSION_ID,
        seed=options.seed,
        people=PEOPLE,
        model=indexed.model,
        drawing_s=drawing_s,
        start_s=start_s,
        indexing=Indexing(
            photos=photos,
            seconds=indexed.seconds,
            photos_per_s=len(indexed.detected) / indexed.seconds,
            faces_detected=sum(len(boxes) for boxes in indexed.detected.values()),
            faces_indexed=indexed.faces_indexed,
            failed=indexed.failed,
        ),
        detection=found,
        accuracy=accuracy,
        latency=latency,
        memory=Memory(service_mib=peak.service_mib, database_mib=peak.database_mib),
        targets=measure.targets(found, accuracy, latency),
        pictures=str(session.folder),
        contact_sheet=str(sheet),
        service_log=str(options.out_dir / "service.log"),
    )
    (options.out_dir / "report.json").write_bytes(encoded(report))
    return report


def encoded(report: DemoReport) -> bytes:
    """The report as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"
