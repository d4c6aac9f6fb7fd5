"""Makes an int8 model of any installed recogniser, on faces that its owner gives, and keeps it only where it is true.

ONNX Runtime's static quantisation in QDQ form, weights per channel. Half of the faces set the ranges of activations;
the other half, which the quantiser never sees, decide whether the vectors have stayed where they were.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from facepass.adapters.onnx.embedded.fetch import sha256_of
from facepass.adapters.onnx.embedded.workspace import put, put_file, workspace
from facepass.adapters.onnx.recognition.recogniser import Recogniser, RgbArray
from facepass.adapters.onnx.registry.int8_graph import Recipe, float_graph, quantised
from facepass.adapters.onnx.registry.licences import record_acceptance
from facepass.adapters.onnx.registry.manifest import CalibrationRecord, RecogniserManifest, Source, encode_manifest
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.registry.trial import try_model
from facepass.domain.errors import ConfigurationError, InvalidRequest

Progress = Callable[[str], None]

LEAST_FACES, MOST_FACES = 32, 256
"""Of a quantisation, both halves together."""
LEAST_COSINE = 0.995
"""Mean over the held-out faces, of a face's int8 vector to its float vector."""
SUFFIX = "-int8"

_ROUNDS = 20
_BATCH = 8
_RECIPES = (
    Recipe("7-bit weights", reduce_range=True, depthwise=True),
    Recipe("8-bit weights", reduce_range=False, depthwise=True),
    Recipe("8-bit weights, depthwise layers in float", reduce_range=False, depthwise=False),
)
"""Best first: weights of seven bits give the same vectors on every processor, of eight only where products of bytes
are summed in 32 bits (VNNI and the like); layers in float cost time."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A model that was made.

    Attributes:
        name: of the int8 model.
        path: of its file.
        recipe: how, in words.
        faces: that set the ranges.
        held_out_faces: that the cosines are taken over.
        mean_cosine: of a face's int8 vector to its float vector.
        least_cosine: likewise.
        fp32_ms: milliseconds a face with the float model, mirror image included, one at a time on one thread.
        int8_ms: with the new one, in the same run.
    """

    name: str
    path: Path
    recipe: str
    faces: int
    held_out_faces: int
    mean_cosine: float
    least_cosine: float
    fp32_ms: float
    int8_ms: float


def require_quantisable(registry: Registry, name: str) -> RecogniserManifest:
    """The manifest of a recogniser that an int8 model can be made of; the graph itself is looked at later.

    Raises:
        ConfigurationError: there is no such recogniser, it is not installed, or its int8 model is there already.
    """
    manifest = registry.recogniser(name)
    registry.require(manifest)
    child = f"{name}{SUFFIX}"
    if any(one.name == child for one in registry.manifests):
        raise ConfigurationError(
            f"There is a model {child} already. Vectors of another quantisation would not fit its galleries: "
            f"facepass models remove {child} first, if that is meant."
        )
    return manifest


def quantise(registry: Registry, name: str, chips: RgbArray, *, progress: Progress) -> Quantised:
    """Make `NAME-int8`.

    Args:
        registry: knows the float model.
        name: of the float model.
        chips: `(n, side, side, 3)` uint8 RGB, aligned to its template, `LEAST_FACES` at least; the first half sets the
            ranges.
        progress: told in a line what takes time.

    Raises:
        ConfigurationError: as `require_quantisable`; the model is int8 already, cannot be quantised, or its vectors
            would move too far. Nothing is kept then.
        InvalidRequest: too few faces.
    """
    manifest = require_quantisable(registry, name)
    if len(chips) < LEAST_FACES:
        raise InvalidRequest.field("--calibration", f"must show at least {LEAST_FACES} faces, {len(chips)} were found")
    chips = chips[:MOST_FACES]
    seen, held_out = chips[: len(chips) // 2], chips[len(chips) // 2 :]
    float_model = Recogniser(manifest, registry.path(manifest))
    expected = _vectors(float_model, held_out)
    with workspace(registry.models_dir) as folder:
        graph = float_graph(registry.path(manifest), folder / "float.onnx", name=name)
        tried: dict[str, float] = {}
        for recipe in _RECIPES:
            progress(f"Quantising {name} with {recipe.label}, {len(seen)} faces")
            made = quantised(graph, folder / "int8.onnx", recipe, float_model.network_input(seen))
            child = _child(registry, manifest, made)
            int8_model = Recogniser(child, made)
            cosines = np.sum(expected * _vectors(int8_model, held_out), axis=1)
            tried[recipe.label] = float(cosines.mean())
            if tried[recipe.label] >= LEAST_COSINE:
                break
        else:
            raise _refused(name, tried, len(held_out))
        fp32_ms, int8_ms = _times_ms((float_model, int8_model), held_out)
        _keep(registry, child, made)
    return Quantised(
        name=child.name,
        path=registry.path(child),
        recipe=recipe.label,
        faces=len(seen),
        held_out_faces=len(held_out),
        mean_cosine=float(cosines.mean()),
        least_cosine=float(cosines.min()),
        fp32_ms=fp32_ms,
        int8_ms=int8_ms,
    )


def _child(registry: Registry, parent: RecogniserManifest, made: Path) -> RecogniserManifest:
    measured = registry.calibration(parent)
    how_sure = f", {measured.pictures} pictures of {measured.people} people" if measured.measured else ""
    return msgspec.structs.replace(
        parent,
        name=f"{parent.name}{SUFFIX}",
        title=f"{parent.title}; static int8, made here",
        source=Source(megabytes=max(0.1, round(made.stat().st_size / 1e6, 1)), sha256=sha256_of(made)),
        calibration=CalibrationRecord(
            operating_point=measured.operating_point,
            slope=measured.slope,
            basis=f"taken over from {parent.name} ({measured.basis}{how_sure}); not measured with int8",
            people=0,
            pictures=0,
            date=measured.date,
        ),
        golden=None,
    )


def _keep(registry: Registry, child: RecogniserManifest, made: Path) -> None:
    golden = try_model(child, made, None)
    if not isinstance(golden, tuple):  # a detector's; a recogniser's manifest gives a vector
        raise TypeError(type(golden))
    if not child.licence.commercial_use:
        # Whoever runs the float model has accepted its licence, and the new file is the same work.
        record_acceptance(registry.models_dir, child)
    put_file(registry.path(child), made)
    # The manifest comes last: without it the model does not exist.
    put(registry.manifest_path(child.name), encode_manifest(msgspec.structs.replace(child, golden=golden)))


def _refused(name: str, tried: Mapping[str, float], faces: int) -> ConfigurationError:
    found = "; ".join(f"{cosine:.4f} with {label}" for label, cosine in tried.items())
    return ConfigurationError(
        f"{name} loses too much as int8: mean cosine to its float vectors over {faces} other faces is {found}, and "
        f"must be {LEAST_COSINE} at least. Nothing was kept."
    )


def _vectors(recogniser: Recogniser, chips: RgbArray) -> npt.NDArray[np.float64]:
    batches = [recogniser.embed(chips[start : start + _BATCH]) for start in range(0, len(chips), _BATCH)]
    return np.concatenate(batches).astype(np.float64)


def _times_ms(recognisers: tuple[Recogniser, Recogniser], chips: RgbArray) -> tuple[float, float]:
    """Medians, taken in turn, so that whatever else the machine does touches both alike."""

    def spent_ms(recogniser: Recogniser, chip: RgbArray) -> float:
        begun = time.perf_counter()
        recogniser.embed(chip[None])
        return 1e3 * (time.perf_counter() - begun)

    rounds = [[spent_ms(one, chip) for one in recognisers] for chip in _repeated(chips, _ROUNDS)]
    first, second = (statistics.median(times) for times in zip(*rounds, strict=True))
    return first, second


def _repeated(chips: RgbArray, count: int) -> Iterator[RgbArray]:
    for number in range(count):
        yield chips[number % len(chips)]
