"""Inner products of a probe with many stored templates: fast within a proven bound, and exact for the few that matter.

Templates are stored in half precision, and that one copy serves both. `benchmarks/kernels.py` measures the choice:
NumPy converts halves too slowly, float32 copies take twice the memory and more time as soon as the processor's cache
is too small for them, and int8, though faster, needs the halves beside it for the exact score.
"""

import math
from typing import TypeAlias

import numkong
import numpy as np
import numpy.typing as npt

Halves: TypeAlias = npt.NDArray[np.float16]
Singles: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Rows: TypeAlias = npt.NDArray[np.intp]

BLOCK_COMPONENTS = 1 << 18
"""Components that are held in float64 at one time: 2 MiB, about what a core's own cache takes."""

SINGLE_UNIT = 2.0**-23
"""Twice float32's rounding error, so that it also bounds instructions that cut off instead of rounding."""


def coarse(vectors: Halves, probe: Singles) -> Doubles:
    """Inner products with the probe rounded to half precision, clamped to -1..1: `(n,)`.

    Products of halves are exact in float32, and are summed in float32 in an order of the processor's choosing. Each is
    within `coarse_error` of the value of `exact`.

    Args:
        vectors: `(n, dimension)`, C-contiguous.
        probe: `(dimension,)`.
    """
    # float64 only for the result: asked for float32, the library takes a path for many probes, three times as slow
    scores = np.empty((len(vectors), 1), dtype=np.float64)
    if len(vectors):
        numkong.cdist(vectors, probe.astype(np.float16)[np.newaxis], "dot", out=scores)
    return scores[:, 0].clip(-1.0, 1.0, out=scores[:, 0])


def coarse_error(probe: Singles, *, largest_norm: float) -> float:
    """The most that `coarse` and `exact` can differ for vectors of L2 norm `largest_norm` or less.

    With p for the probe, h for its halves and g for a template: |p·g - h·g| is at most |p - h|·|g| (Cauchy and
    Schwarz), and summing d products in float32, in whatever order, errs by at most d·u / (1 - d·u) times the sum of
    their magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1), which is |h|·|g| at most.
    Clamping brings two values no further apart. The last term covers `exact`'s own rounding and that of this bound.
    """
    precise = probe.astype(np.float64)
    halves = probe.astype(np.float16).astype(np.float64)
    summing = len(probe) * SINGLE_UNIT
    rounded = math.sqrt(float(np.sum(np.square(precise - halves))))
    summed = math.sqrt(float(np.sum(np.square(halves)))) * summing / (1.0 - summing)
    return (rounded + summed) * largest_norm + 1e-9


def exact(vectors: Halves, rows: Rows, probe: Singles) -> Doubles:
    """Inner products of some rows in float64, clamped to -1..1: `(len(rows),)`.

    Each row is summed by itself in one fixed order, so that a face's score does not depend on where in the session it
    stands or on what else is scored. That holds up to 8,192 components, from where on NumPy splits rows. Temporary
    memory is bounded by `BLOCK_COMPONENTS`, however many rows there are.
    """
    precise = probe.astype(np.float64)
    scores = np.empty(len(rows), dtype=np.float64)
    step = _rows_per_block(vectors)
    for start in range(0, len(rows), step):
        block = vectors[rows[start : start + step]].astype(np.float64)
        np.einsum("ij,j->i", block, precise, out=scores[start : start + step])
    return scores.clip(-1.0, 1.0, out=scores)


def largest_norm(vectors: Halves) -> float:
    """The largest L2 norm of any row, 0 of none.

    Raises:
        ValueError: a component is not finite.
    """
    largest = 0.0
    step = _rows_per_block(vectors)
    for start in range(0, len(vectors), step):
        block = vectors[start : start + step].astype(np.float64)
        largest = np.maximum(largest, np.einsum("ij,ij->i", block, block).max())
    if not math.isfinite(largest):
        raise ValueError("a stored template is not finite")
    return math.sqrt(largest)


def _rows_per_block(vectors: Halves) -> int:
    return max(1, BLOCK_COMPONENTS // max(1, int(vectors.shape[1])))
