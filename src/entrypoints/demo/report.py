"""Every number the demo measures, in the shape that `--json` prints."""

from msgspec import Struct


class Indexing(Struct, frozen=True):
    """How the photos went in.

    Attributes:
        failed: photo id to what was wrong with it.
    """

    photos: int
    seconds: float
    photos_per_s: float
    faces_detected: int
    faces_indexed: int
    failed: dict[str, str]


class Found(Struct, frozen=True):
    """Faces found against faces placed; `share` is 0 to 1, or None where none was placed."""

    placed: int
    found: int
    share: float | None


class Detection(Struct, frozen=True):
    """How well faces were found.

    A placed face is found when a detected box overlaps its true box with an IoU of at least `least_iou`.

    Attributes:
        large: those of at least `large_px` pixels, the shorter side of the true box.
        unexpected: detected boxes that are no placed face.
        missed: `photo person (size px)` of each large face that was missed.
    """

    least_iou: float
    large_px: float
    every: Found
    large: Found
    unexpected: int
    missed: list[str]


class SelfieResult(Struct, frozen=True):
    """One selfie's search.

    Attributes:
        expected: photos in which the person appears.
        right, wrong, missed: photo ids, best match first; `missed` by name.
        wrong_face: of the right photos, those whose matched face is not the person's.
        recall: part of the expected photos that was found, 0 to 1; 1 where none was expected.
        precision: part of the found photos that is right, 0 to 1; None where nothing was found.
        refused: why the search was refused, where it was.
    """

    person: str
    expected: int
    right: list[str]
    wrong: list[str]
    missed: list[str]
    wrong_face: list[str]
    recall: float
    precision: float | None
    refused: str | None = None


class Rates(Struct, frozen=True):
    """Recall and precision of photos, 0 to 1; None where there was nothing to divide by."""

    recall: float | None
    precision: float | None


class Accuracy(Struct, frozen=True):
    """How well visitors were found.

    Attributes:
        micro: over all photos of all selfies together.
        macro: the mean over selfies; precision over those that found anything.
        worst: people with the lowest recall, then precision, worst first; only such as are not perfect.
    """

    threshold: float | None
    micro: Rates
    macro: Rates
    worst: list[str]
    selfies: list[SelfieResult]


class Part(Struct, frozen=True):
    """One part of a search, in milliseconds; `share` is the median over searches of its part of the whole, 0 to 1."""

    p50_ms: float
    p95_ms: float
    share: float


class Latency(Struct, frozen=True):
    """One search after another, measured at the client.

    Attributes:
        database: inside the service, until the database has answered.
        everything_else: of the whole what is none of the other parts: HTTP, both ends of it.
        overhead: `database` and `everything_else` together: all but decoding and models.
    """

    searches: int
    total: Part
    decode: Part
    detect: Part
    embed: Part
    database: Part
    everything_else: Part
    overhead: Part


class Memory(Struct, frozen=True):
    """Peaks in MiB; None where the platform does not tell. See `memory.PeakMemory`."""

    service_mib: float | None
    database_mib: float | None


class Target(Struct, frozen=True):
    """A number with what it must reach; `met` is None where it could not be measured."""

    name: str
    value: float | None
    at_least: float | None
    below: float | None
    met: bool | None


class DemoReport(Struct, frozen=True):
    """All of it.

    Attributes:
        model: the recogniser.
        drawing_s, start_s: seconds to draw the session (or find it drawn) and until the service was ready.
        targets: what the project promises of these numbers.
    """

    session_id: str
    seed: int
    people: int
    model: str
    drawing_s: float
    start_s: float
    indexing: Indexing
    detection: Detection
    accuracy: Accuracy
    latency: Latency | None
    memory: Memory
    targets: list[Target]
    pictures: str
    contact_sheet: str
    service_log: str
