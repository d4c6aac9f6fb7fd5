"""What is known of a model: one TOML file each, checked field by field.

Those that ship lie in `catalogue`; anyone adds one by a file of the same form in MODELS_DIR.
"""

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

from facepass.domain.embedding import Calibration
from facepass.domain.errors import ConfigurationError

Triple = tuple[float, float, float]
Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9.-]{0,63}$")]
Text = Annotated[str, Meta(min_length=1)]
Point = tuple[float, float]

_GEOMETRY_NUMBERS = 14


class _Table(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of TOML, which knows no null: what is None is left out."""


class Licence(_Table, frozen=True):
    """Under which terms a model may be used.

    Attributes:
        name: SPDX identifier where there is one.
        url: where the terms stand.
        commercial_use: false has to be accepted by name before the model runs.
    """

    name: Text
    url: Text
    commercial_use: bool


class Source(_Table, frozen=True):
    """Where a model's file comes from.

    Attributes:
        sha256: of the ONNX file; None only for what `facepass models prepare` builds here.
        megabytes: about what is fetched.
        url: https address of the file, or of a zip archive that holds it; None where there is no direct one.
        member: the file's path in that archive; None where `url` is the file itself.
        package: the PyPI package it is built out of, by `facepass models prepare`; None for all others.
    """

    megabytes: Annotated[float, Meta(gt=0)]
    sha256: Sha256 | None = None
    url: Annotated[str, Meta(pattern="^https://")] | None = None
    member: Text | None = None
    package: Text | None = None


class InputLayout(_Table, frozen=True):
    """What the network reads: `(pixel - mean) / deviation`, NCHW float32.

    Attributes:
        colour: order of the channels.
        mean: in that order.
        deviation: likewise.
    """

    colour: Literal["RGB", "BGR"]
    mean: Triple
    deviation: Triple


class Template(_Table, frozen=True):
    """Where a recogniser wants the five landmarks.

    Attributes:
        side: width and height of the aligned face, in pixels.
        points: in its pixels: eye, eye, nose, mouth corner, mouth corner, image-left first.
    """

    side: Annotated[int, Meta(ge=16, le=1024)]
    points: tuple[Point, Point, Point, Point, Point]


class CalibrationRecord(_Table, frozen=True):
    """From the model's cosine to similarity, and what that rests on.

    Attributes:
        operating_point: cosine at which similarity is 0.5.
        slope: see `domain.embedding.Calibration`.
        basis: name of the set it was fitted to, or whose figure it is.
        people: in that set; 0 for a figure that was taken over.
        pictures: likewise.
        date: of the fit, as 2026-11-22.
    """

    operating_point: Annotated[float, Meta(gt=-1, lt=1)]
    slope: Annotated[float, Meta(gt=0)]
    basis: Text
    people: Annotated[int, Meta(ge=0)]
    pictures: Annotated[int, Meta(ge=0)]
    date: Annotated[str, Meta(pattern=r"^\d{4}-\d\d-\d\d$")]

    @property
    def measured(self) -> bool:
        """Whether it was fitted to labelled pictures, and not taken over."""
        return self.pictures > 0

    def mapping(self) -> Calibration:
        """As the domain uses it."""
        return Calibration(self.operating_point, self.slope)


class GoldenFace(_Table, frozen=True):
    """What a detector finds in the drawn face of `golden`.

    Attributes:
        geometry: box (x, y, width, height) and five landmarks, in pixels.
        confidence: detection score.
    """

    geometry: tuple[float, ...]
    confidence: float


class DetectorManifest(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="role", tag="detector"
):
    """A detector.

    Attributes:
        architecture: how its outputs are read.
        score_threshold: least score of a face where the settings name none.
        refine: whether each face is looked at a second time, for better landmarks.
        golden: None where none was recorded; then the first run here records it.
    """

    name: Name
    title: Text
    architecture: Literal["retinaface", "yunet"]
    source: Source
    licence: Licence
    score_threshold: Annotated[float, Meta(ge=0, le=1)]
    refine: bool = False
    golden: GoldenFace | None = None


class RecogniserManifest(
    Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="role", tag="recogniser"
):
    """A recogniser.

    Attributes:
        dimension: of its vectors.
        mirror: whether the mirrored face is embedded too, and the sum taken.
        golden: the vector of the drawn face of `golden`; None where none was recorded.
    """

    name: Name
    title: Text
    dimension: Annotated[int, Meta(ge=1, le=4096)]
    mirror: bool
    source: Source
    licence: Licence
    input: InputLayout
    template: Template
    calibration: CalibrationRecord
    golden: tuple[float, ...] | None = None


Manifest: TypeAlias = DetectorManifest | RecogniserManifest


def parse_manifest(text: str | bytes, *, origin: str) -> Manifest:
    """Read a manifest.

    Args:
        text: TOML.
        origin: what errors call it, such as the file's path.

    Raises:
        ConfigurationError: naming the field.
    """
    try:
        manifest: Manifest = msgspec.toml.decode(text, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{origin} is no manifest of a model: {_plain(str(error))}") from error
    for field, why in _faults(manifest):
        raise ConfigurationError(f"{origin} is no manifest of a model: `{field}` {why}")
    return manifest


def encode_manifest(manifest: Manifest) -> bytes:
    """As TOML, UTF-8."""
    return msgspec.toml.encode(manifest)


def _faults(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """What the types cannot say: fields, and what is wrong with them."""
    for field, value in _numbers(msgspec.to_builtins(manifest)):
        if not math.isfinite(value):
            yield field, "must be a finite number"
    if manifest.source.sha256 is None and manifest.source.package is None:
        yield "source.sha256", "is missing; only models of a package do without"
    if isinstance(manifest, RecogniserManifest):
        yield from _recogniser_faults(manifest)
    elif manifest.golden is not None and len(manifest.golden.geometry) != _GEOMETRY_NUMBERS:
        yield "golden.geometry", f"must have {_GEOMETRY_NUMBERS} numbers: a box and five points"


def _recogniser_faults(manifest: RecogniserManifest) -> Iterator[tuple[str, str]]:
    if min(manifest.input.deviation) <= 0:
        yield "input.deviation", "must be positive"
    if len(set(manifest.template.points)) != len(manifest.template.points):
        yield "template.points", "must be five different points"
    if not _is_day(manifest.calibration.date):
        yield "calibration.date", "must be a day, as 2026-11-22"
    if manifest.golden is not None and len(manifest.golden) != manifest.dimension:
        yield "golden", f"has {len(manifest.golden)} values, but `dimension` is {manifest.dimension}"
    if manifest.golden is not None and not any(manifest.golden):
        yield "golden", "must not be zero"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _numbers(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number with the field it stands in."""
    match value:
        case dict():
            for name, inner in value.items():
                yield from _numbers(inner, f"{path}.{name}" if path else name)
        case list() | tuple():
            for inner in value:
                yield from _numbers(inner, path)
        case float():
            yield path, value


def _plain(message: str) -> str:
    """Msgspec says `$.source.url`; a reader of TOML looks for `source.url`."""
    return re.sub(r"`\$\.?([^`]*)`", lambda found: f"`{found[1] or 'the file'}`", message)
