"""Ten times more than the service can do, for two minutes: who is answered, how fast, and what it costs in memory.

    python benchmarks/overload.py --seconds 120

`facepass serve` runs in a process of its own on the embedded PostgreSQL, with rate limits lifted; the load comes from
this process, over the loopback, and takes its share of the same processors. Selfies and event photos are those of
`facepass demo`: searches send a selfie, two requests in a hundred upload an event photo.

1. Warm-up: photos are indexed and searched for; then nothing, until memory that is not used is given back. What is
   resident then is `idle`.
2. Capacity: searches over six connections, each sending when its answer is there.
3. Overload: `--times` as many requests a second as that, in time whatever the service does, over at most
   `--connections` connections. A request for which none was free was not sent, and is counted as such.
4. Recovery: as 2, from the moment the load ends, while what still waits is answered.
5. Capacity again, after a rest. Other programs on the machine take what they take: `others` says how much in each
   phase, and recovery is measured against the mean of both capacities.

Targets: no answer but 200, 503, and 400 for a photo without a face; 95 % of the searches that were let in under 2 s;
resident memory at most 1.2 times `idle` plus what the settings let requests hold; from 5 s after the load on 90 % of
the capacity or more. Every 503 must be a problem with a `Retry-After`. Ends with 1 where one is missed.

What requests may hold is `MAX_HELD_BYTES` for all that arrives, is read or waits, and for each place `MAX_UPLOAD_BYTES`
for a file read back from disk and three bytes for each pixel of a picture as large as it is decoded. Most of what is
resident beyond `idle` is neither, but what the models and decoders work with; so a sharper bound is held as well: 1.2
times what was resident at most while it indexed and searched in steps 1 and 2.
"""

import argparse
import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import load
import psutil
import service
import uvloop
from open_loop import Generator, Load, Requests

from facepass.adapters.system.heap import IDLE_S
from facepass.entrypoints.adapter_settings import pictures_at_work
from facepass.entrypoints.demo.people import PEOPLE, People
from facepass.entrypoints.demo.photos import make_session
from facepass.entrypoints.settings import Settings

MOST_P95_S = 2.0
MOST_MEMORY = 1.2
LEAST_RECOVERED = 0.9
RECOVERY_S = 5.0
EXPECTED = {200, 400, 503}
PHOTOS = 40
SESSION = "overload"
CONNECTIONS = 6
CAPACITY_S = 15.0
SETTLE_S = IDLE_S + 1.5
SAMPLE_S = 0.25
DECODED_PIXELS = 4096 * 4096
SETTINGS = {"FACEPASS_RATE_LIMIT_SEARCH": "0", "FACEPASS_RATE_LIMIT_INDEX": "0"}
MIB = 1024 * 1024


class Memory:
    """Watches the largest resident memory of a process; PostgreSQL is another process."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._seen: list[int] = []

    @property
    def largest_bytes(self) -> int:
        """The most that was seen since `begin`."""
        return max(self._seen, default=0)

    def quarters(self) -> list[int]:
        """The most in each quarter of the time since `begin`: whether it still grew."""
        step = max(1, len(self._seen) // 4)
        return [max(self._seen[at : at + step]) for at in range(0, 4 * step, step) if self._seen[at : at + step]]

    def begin(self) -> None:
        """From here on."""
        self._seen.clear()

    def now(self) -> int:
        """Resident bytes."""
        return int(self._process.memory_info().rss)

    def files(self) -> int:
        """Open file descriptors."""
        return int(self._process.num_fds())

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            self._seen.append(self.now())
            await asyncio.sleep(SAMPLE_S)


class Machine:
    """How busy the processors are with anything but the service, its database and the load."""

    def __init__(self, served: service.Running) -> None:
        self._pids = [served.pid, served.database_pid()]
        self.begin()

    def begin(self) -> None:
        """From here on."""
        self._since = time.perf_counter(), self._others_s()

    def others(self) -> float:
        """Processors, on average since `begin`."""
        since_s, others_s = self._since
        return max(0.0, self._others_s() - others_s) / (time.perf_counter() - since_s)

    def _others_s(self) -> float:
        times = psutil.cpu_times()
        ours = 0.0
        for pid in (None, *self._pids):
            process = psutil.Process(pid)
            for each in (process, *(process.children(recursive=True) if pid else ())):
                with contextlib.suppress(psutil.NoSuchProcess):
                    ours += sum(each.cpu_times()[:2])
        return sum(times[:3]) + times.irq + times.softirq - ours


def queue_bound_bytes(settings: Settings) -> int:
    """What requests may hold of memory, by the settings."""
    each = settings.uploads.max_upload_bytes + 3 * DECODED_PIXELS
    return settings.uploads.max_held_bytes + pictures_at_work(settings) * each


def quantile(values: Sequence[float], fraction: float) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))] if ordered else float("nan")


@contextlib.contextmanager
def prepared() -> Iterator[Requests]:
    """The demo's pictures, as requests."""
    with tempfile.TemporaryDirectory(prefix="facepass-overload-") as folder:
        drawn = make_session(People.installed(), Path(folder), seed=1, photos=PHOTOS, progress=lambda *_: None)
        selfies = [drawn.selfie(person).read_bytes() for person in range(1, PEOPLE + 1)]
        photos = [drawn.photo(plan).read_bytes() for plan in drawn.plan.photos]
        for name, pictures in (("selfies", selfies), ("photos", photos)):
            print(
                f"{len(pictures)} {name} of {min(map(len, pictures)) // 1024} to {max(map(len, pictures)) // 1024} KiB"
            )
        yield Requests(
            [load.post_form("/api/v1/search", {"session_id": SESSION}, selfie) for selfie in selfies],
            [
                load.post_form("/api/v1/index", {"session_id": SESSION, "photo_id": str(number)}, photo)
                for number, photo in enumerate(photos)
            ],
        )


async def warm_up(port: int, requests: Requests) -> None:
    """Index what is searched for, search, and let memory settle."""
    await load.run(port, requests.uploads, connections=4, seconds=12.0)
    await load.run(port, requests.searches, connections=CONNECTIONS, seconds=8.0)
    await asyncio.sleep(SETTLE_S)


class Verdict:
    """Prints figures beside their targets, and remembers whether all were met."""

    met = True

    def say(self, what: str, value: str, ratio: float, target: str) -> None:
        """A figure; its target is met where the ratio is 1 or less."""
        met = ratio <= 1
        self.met &= met
        print(f"{what:44} {value:>28}   {ratio:5.2f} of {target:28} {'met' if met else 'MISSED'}")


async def measure(
    served: service.Running, requests: Requests, *, times: float, seconds: float, connections: int
) -> bool:
    """All of it; whether every target was met."""
    memory, machine = Memory(served.pid), Machine(served)
    watching = asyncio.create_task(memory.watch())
    await warm_up(served.port, requests)
    idle_bytes = memory.now()
    print(f"idle after warm-up: {idle_bytes / MIB:.0f} MiB, {memory.files()} files")
    before = await searching(served.port, requests, CAPACITY_S, machine, "capacity")
    ordinary_bytes = memory.largest_bytes
    print(f"resident while it indexed and searched: at most {ordinary_bytes / MIB:.0f} MiB")
    generator, cpu_s = Generator(served.port, connections=connections), time.process_time()
    machine.begin()
    memory.begin()
    await generator.run(requests, per_s=times * before, seconds=seconds)
    told(generator.load, seconds, offered_per_s=times * before, own=(time.process_time() - cpu_s) / seconds)
    quarters = ", ".join(f"{size / MIB:.0f}" for size in memory.quarters())
    print(f"others during the load: {machine.others():.2f} processors; resident by quarters of it: {quarters} MiB")
    await searching(served.port, requests, RECOVERY_S, machine, "at once after it")
    recovered = await searching(served.port, requests, RECOVERY_S, machine, f"from {RECOVERY_S:g} s after it")
    await generator.finish()
    watching.cancel()
    await asyncio.sleep(SETTLE_S)
    print(f"after a rest: {memory.now() / MIB:.0f} MiB, {memory.files()} files")
    again = await searching(served.port, requests, CAPACITY_S, machine, "capacity again")
    return judge(generator.load, memory.largest_bytes, (idle_bytes, ordinary_bytes), (before + again) / 2, recovered)


async def searching(port: int, requests: Requests, seconds: float, machine: "Machine", what: str) -> float:
    """Searches a second that are answered while `CONNECTIONS` callers do nothing but search."""
    machine.begin()
    outcome = await load.run(port, requests.searches, connections=CONNECTIONS, seconds=seconds)
    done = outcome.statuses.get(200, 0) / outcome.elapsed_s
    print(f"{what}: {done:.1f} searches/s, {outcome.statuses}; others {machine.others():.2f} processors")
    return done


def told(done: Load, seconds: float, *, offered_per_s: float, own: float) -> None:
    """What was offered, and what became of it."""
    print(
        f"offered {offered_per_s:.0f} requests/s: {done.sent} sent, {done.not_sent} not sent for want of a connection, "
        f"{done.broken} broken off; at most {done.most_open} open; sending took {own:.2f} processors"
    )
    for kind, statuses in done.statuses.items():
        print(f"  {kind}: {dict(sorted(statuses.items()))}, {statuses[200] / seconds:.1f} a second done")
    print(
        f"  searches let in: p50 {quantile(done.admitted_s, 0.5):.2f} s, p99 {quantile(done.admitted_s, 0.99):.2f} s; "
        f"refusals: p50 {quantile(done.refused_s, 0.5):.3f} s, p95 {quantile(done.refused_s, 0.95):.3f} s, "
        f"told to come again in {dict(sorted(done.retry_after_s.items()))} s"
    )


def judge(done: Load, largest_bytes: int, usual_bytes: tuple[int, int], capacity: float, recovered: float) -> bool:
    """Print every figure beside its target; memory was `usual_bytes` when idle and at ordinary work."""
    idle_bytes, ordinary_bytes = usual_bytes
    verdict = Verdict()
    unexpected = sum(
        count for kind in done.statuses.values() for status, count in kind.items() if status not in EXPECTED
    )
    failed = unexpected + done.broken
    verdict.say("answers that are none of 200, 400, 503", f"{failed}", 1.0 if not failed else float("inf"), "0")
    verdict.say("503 without problem or Retry-After", f"{done.plain}", 1.0 if not done.plain else float("inf"), "0")
    p95_s = quantile(done.admitted_s, 0.95)
    verdict.say("p95 of searches let in", f"{p95_s:.2f} s", p95_s / MOST_P95_S, f"{MOST_P95_S:g} s")
    most = MOST_MEMORY * idle_bytes + queue_bound_bytes(Settings())
    sizes = f"{largest_bytes / MIB:.0f} MiB, {largest_bytes / idle_bytes:.2f} x idle"
    verdict.say("resident memory at most", sizes, largest_bytes / most, f"1.2 x idle + bound = {most / MIB:.0f} MiB")
    most = MOST_MEMORY * ordinary_bytes
    verdict.say(
        "the same", f"{largest_bytes / MIB:.0f} MiB", largest_bytes / most, f"1.2 x ordinary = {most / MIB:.0f} MiB"
    )
    least = LEAST_RECOVERED * capacity
    verdict.say(
        f"searches/s from {RECOVERY_S:g} s after", f"{recovered:.1f}", least / recovered, f"at least {least:.1f}"
    )
    return verdict.met


def main() -> None:
    """Overload it and judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--times", type=float, default=10.0, help="the capacity")
    parser.add_argument("--connections", type=int, default=512, help="open at once")
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    chosen = parser.parse_args()
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, most_files), most_files))
    with (
        prepared() as requests,
        service.running(chosen.models_dir, SETTINGS) as served,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        met = runner.run(
            measure(served, requests, times=chosen.times, seconds=chosen.seconds, connections=chosen.connections)
        )
    if not met:
        sys.exit(1)


if __name__ == "__main__":
    main()
