"""Reckons and simulates what many faces and searches need; prints the tables of `docs/capacity.md`.

    python benchmarks/capacity.py
    python benchmarks/capacity.py --inference-ms 40 --core-month 15 --seed 2

Measured figures stand in `Measured` (`capacity_figures.py` prints them for a machine), what nobody measured in
`Assumed`: change either and run again. Everything random comes from `--seed`.
"""

import argparse
import heapq
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
GIB = 1 << 30
DAY_S, MONTH_DAYS = 86_400, 30.4
REQUESTS = 300_000
PERCENT = (50, 60, 70, 80, 90, 95)
SCALES = (1_000_000, 10_000_000, 100_000_000)


@dataclass(frozen=True, slots=True)
class Measured:
    """By `capacity_figures.py`, templates of 128 components (the default model)."""

    inference_ms: float = 77.0
    search_ms: float = 1.1
    disk_bytes_a_face: float = 667.0
    log_bytes_a_face: float = 777.0
    dump_bytes_a_face: float = 533.0
    dumped_faces_per_s: float = 6_400.0
    memory_bytes_a_face: float = 330.0  # by the arrays of `SessionMatrix`, 3 faces a photo: derived
    load_ms_a_thousand_faces: float = 7.6
    audited_photos_per_s: float = 216.0  # of one database: they take turns


@dataclass(frozen=True, slots=True)
class Assumed:
    """What depends on who uses the service: nobody measured it."""

    searches_per_s: float = 1_000.0  # at the peak
    peak_to_mean: float = 3.0  # of a day
    faces_a_session: float = 3_000.0  # on average
    session_spread: float = 1.2  # sigma of their logarithm
    faces_a_photo: float = 3.0
    photo_factor: float = 1.6  # processor time of such a photo to one with one face
    kept_days: float = 90.0  # then a session is erased: as much is indexed as goes
    zipf: float = 0.9  # exponent of the popularity of sessions
    interest_days: float = 5.0  # in which searches after an event fall to 1/e
    utilisation: float = 0.6  # of cores for inference at the peak
    threads_a_process: int = 4
    connection_ms: float = 4.0  # for which a search holds a connection
    shard_gib: float = 200.0  # of database that one node is to hold
    free_space: float = 2.0  # disk to data: bloat, a model change, a verification of a backup
    core_month: float = 20.0  # in euros, as the other prices
    gib_memory_month: float = 3.0
    gib_disk_month: float = 0.12
    gib_object_month: float = 0.025


def session_sizes(sessions: int, assumed: Assumed, random: np.random.Generator) -> Numbers:
    """Faces of each session: log-normal, at least one."""
    middle = math.log(assumed.faces_a_session) - assumed.session_spread**2 / 2
    return np.maximum(1, random.lognormal(middle, assumed.session_spread, sessions)).astype(np.int64)


def popularity(sessions: int, assumed: Assumed, random: np.random.Generator) -> Floats:
    """Each session's share of the searches: Zipf over a random order, fading with the days since its event."""
    ranks = random.permutation(sessions) + 1
    ages = random.uniform(0.0, assumed.kept_days, sessions)
    weights = ranks**-assumed.zipf * np.exp(-ages / assumed.interest_days)
    return np.asarray(weights / weights.sum())


def diurnal(peak_to_mean: float, hours: Floats) -> Floats:
    """Rate over the mean of a day, at these hours: one wave, highest at 20 o'clock, whose mean is 1."""
    # exp(k·cos) has its mean in the Bessel function I0, which numpy has; k is found by halving
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if math.exp(middle) / float(np.i0(middle)) < peak_to_mean else (low, middle)
    return np.asarray(np.exp(low * np.cos((hours - 20.0) * np.pi / 12.0)) / np.i0(low))


def cached(requests: Sequence[int], sizes: Sequence[int], capacity: int, *, warm: int) -> tuple[float, float]:
    """Send requests through a cache of the sessions last used; sizes in bytes, the first `warm` not counted.

    Returns:
        The share of requests it answered, and bytes loaded for each request.
    """
    kept: OrderedDict[int, int] = OrderedDict()
    used = hits = loaded = 0
    for turn, session in enumerate(requests):
        if session in kept:
            kept.move_to_end(session)
            hits += turn >= warm
            continue
        loaded += sizes[session] * (turn >= warm)
        if sizes[session] > capacity:
            continue
        kept[session] = sizes[session]
        used += sizes[session]
        while used > capacity:
            used -= kept.popitem(last=False)[1]
    counted = max(1, len(requests) - warm)
    return hits / counted, loaded / counted


def mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The finaliser of SplitMix64: 64 bits in, 64 well mixed bits out."""
    with np.errstate(over="ignore"):
        numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def rendezvous(sessions: Numbers, shards: int) -> Numbers:
    """The shard of each session: the one whose hash with it is highest, so that one more moves 1/(n+1) of them."""
    numbers = mixed(sessions.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15))
    scores = np.stack([mixed(numbers ^ mixed(np.full_like(numbers, shard + 1))) for shard in range(shards)])
    return np.argmax(scores, axis=0)


def imbalance(shards_of: Numbers, weights: Floats | Numbers, shards: int) -> float:
    """The fullest shard over the mean."""
    totals = np.bincount(shards_of, weights=weights, minlength=shards)
    return float(totals.max() / totals.mean())


def queue_times(cores: int, utilisation: float, arrivals: int, random: np.random.Generator) -> Floats:
    """How long each stays, waiting and served, in mean service times: Poisson arrivals, first come first served."""
    came = np.cumsum(random.exponential(1.0 / (cores * utilisation), arrivals))
    spread = 0.35  # sigma of the logarithm of service: small and large pictures
    served = random.lognormal(-(spread**2) / 2, spread, arrivals)
    free = [0.0] * cores
    stayed = np.empty(arrivals)
    for turn in range(arrivals):
        begins = max(came[turn], free[0])
        heapq.heapreplace(free, begins + served[turn])
        stayed[turn] = begins + served[turn] - came[turn]
    return stayed[arrivals // 10 :]


@dataclass(frozen=True, slots=True)
class Needs:
    """Of one scale."""

    search_cores: int
    index_cores: int
    processes: int
    disk_gib: float
    shards: int
    photos_per_s: float
    log_mib_per_s: float
    dump_gib: float
    dump_hours: float
    busy_connections: float
    open_connections: int
    euros: float


WORDS = {
    "search_cores": "cores for selfies and searches",
    "index_cores": "cores for indexing",
    "processes": "processes (API and workers)",
    "disk_gib": "PostgreSQL, GiB",
    "shards": "database nodes, without standbys",
    "photos_per_s": "photos indexed a second",
    "log_mib_per_s": "write-ahead log, MiB/s",
    "dump_gib": "a dump, GiB",
    "dump_hours": "hours to dump, nodes side by side",
    "busy_connections": "connections busy at once",
    "open_connections": "connections that pools may open",
    "euros": "euros a month",
}
"""Of `Needs`."""


def needs(faces: int, measured: Measured, assumed: Assumed) -> Needs:
    """What a scale needs at its peak; nodes have 8 cores, 32 GiB and a standby each, and 14 dumps are kept."""
    search_ms = measured.inference_ms + measured.search_ms
    search_cores = math.ceil(assumed.searches_per_s * search_ms / 1e3 / assumed.utilisation)
    faces_per_s = faces / assumed.kept_days / DAY_S * assumed.peak_to_mean
    photos_per_s = faces_per_s / assumed.faces_a_photo
    index_cores = math.ceil(photos_per_s * measured.inference_ms * assumed.photo_factor / 1e3 / assumed.utilisation)
    processes = math.ceil(search_cores / assumed.threads_a_process) + math.ceil(index_cores / assumed.threads_a_process)
    disk_gib = faces * measured.disk_bytes_a_face / GIB
    dump_gib = faces * measured.dump_bytes_a_face / GIB
    shards = math.ceil(disk_gib / assumed.shard_gib)
    euros = (
        (search_cores + index_cores + 2 * shards * 8) * assumed.core_month
        + (processes * 1.5 + 2 * shards * 32) * assumed.gib_memory_month
        + 2 * disk_gib * assumed.free_space * assumed.gib_disk_month
        + 14 * dump_gib * assumed.gib_object_month
    )
    return Needs(
        search_cores, index_cores, processes, disk_gib, shards, photos_per_s,
        log_mib_per_s=faces_per_s * measured.log_bytes_a_face / (1 << 20),
        dump_gib=dump_gib,
        dump_hours=faces / shards / measured.dumped_faces_per_s / 3600,
        busy_connections=assumed.searches_per_s * assumed.connection_ms / 1e3,
        open_connections=processes * 10,
        euros=euros,
    )  # fmt: skip


def table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines) + "\n"


def needs_table(measured: Measured, assumed: Assumed) -> str:
    """A column a scale."""
    columns = [needs(faces, measured, assumed) for faces in SCALES]
    rows = [[words, *(rounded(getattr(column, name)) for column in columns)] for name, words in WORDS.items()]
    return table(["", *(f"{faces // 10**6} million" for faces in SCALES)], rows)


def rounded(value: float) -> str:
    """To three digits, but whole numbers in full."""
    return f"{value:,.0f}" if isinstance(value, int) or value >= 100 else f"{value:.3g}"


def cache_table(measured: Measured, assumed: Assumed, random: np.random.Generator) -> str:
    """A row a scale and budget of each process; `together`: where a session's searches go to one process."""
    rows: list[list[object]] = []
    for faces in SCALES:
        sessions, processes = int(faces / assumed.faces_a_session), needs(faces, measured, assumed).processes
        sizes = (session_sizes(sessions, assumed, random) * measured.memory_bytes_a_face).astype(np.int64).tolist()
        shares = popularity(sessions, assumed, random)
        mine = np.where(np.arange(sessions) % processes == 0, shares, 0.0)
        for mib in (128, 512, 2048):
            row: list[object] = [f"{faces // 10**6} million", mib]
            for asked in (shares, mine / mine.sum()):
                requests = random.choice(sessions, REQUESTS, p=asked).tolist()
                hit_ratio, loaded_bytes = cached(requests, sizes, mib << 20, warm=REQUESTS // 2)
                faces_per_s = loaded_bytes / measured.memory_bytes_a_face * assumed.searches_per_s
                read, loading = measured.disk_bytes_a_face / (1 << 20), measured.load_ms_a_thousand_faces / 1e6
                row += [f"{hit_ratio:.1%}", f"{faces_per_s * read:,.0f}", f"{faces_per_s * loading:,.1f}"]
            rows.append(row)
    headings = ["in memory", "MiB/s read", "cores loading"]
    return table(["faces", "MiB a process", *headings, *(f"{heading}, together" for heading in headings)], rows)


def simulated(measured: Measured, assumed: Assumed, seed: int) -> Iterator[tuple[str, str]]:
    """Headings and tables."""
    random = np.random.default_rng(seed)
    yield "Searches whose session is in memory", cache_table(measured, assumed, random)

    sessions = int(SCALES[-1] / assumed.faces_a_session)
    sizes, shares = session_sizes(sessions, assumed, random), popularity(sessions, assumed, random)
    rows: list[list[object]] = []
    everyone = np.arange(sessions)
    for shards in (2, 4, 8, 16):
        at = rendezvous(everyone, shards)
        moved = float(np.mean(at != rendezvous(everyone, shards + 1)))
        fullest = [f"{imbalance(at, weights, shards):.2f}" for weights in (sizes, shares)]
        rows.append([shards, *fullest, f"{moved:.1%}"])
    headings = ["shards", "faces", "searches", "moved by one more"]
    yield "The fullest shard over the mean, 100 million faces", table(headings, rows)

    rows = []
    for cores in (2, 4, 16, 64):
        times = [queue_times(cores, load / 100, 40_000, random) for load in PERCENT]
        rows.append([cores, *(f"{np.quantile(stayed, 0.95) * measured.inference_ms:.0f}" for stayed in times)])
    yield "p95 of inference, ms, by utilisation", table(["cores of one queue", *(f"{p} %" for p in PERCENT)], rows)

    hours = np.arange(0.0, 24.0, 4.0)
    rates = diurnal(assumed.peak_to_mean, hours) * assumed.searches_per_s / assumed.peak_to_mean
    headings = [f"{hour:02.0f}:00" for hour in hours]
    yield "Searches a second in a day", table(headings, [[f"{rate:.0f}" for rate in rates]])


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    for kind in (Measured, Assumed):
        for one in fields(kind):
            parser.add_argument(f"--{one.name.replace('_', '-')}", type=float, default=one.default)
    chosen = vars(parser.parse_args())
    measured = replace(Measured(), **{one.name: chosen[one.name] for one in fields(Measured)})
    assumed = replace(Assumed(), **{one.name: chosen[one.name] for one in fields(Assumed)})
    print("### What is needed at the peak\n")
    print(needs_table(measured, assumed))
    for heading, drawn in simulated(measured, assumed, chosen["seed"]):
        print(f"### {heading}\n\n{drawn}")


if __name__ == "__main__":
    main()
