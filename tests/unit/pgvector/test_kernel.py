import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.pgvector.in_memory import kernel
from tests.unit.pgvector.columns import halves


def vectors(seed: int, count: int, dimension: int) -> np.ndarray:
    return halves(np.random.default_rng(seed).normal(size=(count, dimension)))


def a_probe(seed: int, dimension: int) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=dimension)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


@given(
    seed=st.integers(0, 2**32 - 1),
    dimension=st.sampled_from([1, 2, 3, 7, 31, 128, 500, 512, 3000]),
    # many small components and few large ones: both ends of half precision
    power=st.sampled_from([1, 3, 9]),
    scale=st.sampled_from([1e-6, 0.01, 1.0, 50.0]),
)
def test_the_coarse_score_is_within_its_bound(seed: int, dimension: int, power: int, scale: float) -> None:
    stored = (halves(np.random.default_rng(seed).normal(size=(40, dimension)) ** power) * scale).astype(np.float16)
    probe = a_probe(seed ^ 1, dimension)
    error = kernel.coarse_error(probe, largest_norm=kernel.largest_norm(stored))
    exact = kernel.exact(stored, np.arange(40), probe)
    assert np.abs(kernel.coarse(stored, probe) - exact).max() <= error


def test_the_bound_is_small_enough_to_be_of_use() -> None:
    assert kernel.coarse_error(a_probe(1, 128), largest_norm=1.0) < 5e-4
    assert kernel.coarse_error(a_probe(1, 512), largest_norm=1.0) < 5e-4


@pytest.mark.parametrize("dimension", [1, 2, 3, 17, 128, 512, 3000, 8192])
def test_a_score_is_right_and_does_not_depend_on_the_row_s_place(dimension: int) -> None:
    stored = vectors(3, 700, dimension)
    probe = a_probe(4, dimension)
    scores = kernel.exact(stored, np.arange(700), probe)
    shuffled = np.random.default_rng(5).permutation(700)
    assert kernel.exact(stored, shuffled, probe).tobytes() == scores[shuffled].tobytes()
    alone = np.concatenate([kernel.exact(stored, np.array([row]), probe) for row in range(700)])
    assert alone.tobytes() == scores.tobytes()
    by_fsum = [math.fsum((row.astype(np.float64) * probe.astype(np.float64)).tolist()) for row in stored[:50]]
    assert np.abs(scores[:50] - np.clip(by_fsum, -1, 1)).max() < 1e-12


def test_scores_are_clamped() -> None:
    stored = np.array([[1.001], [-1.001], [0.25]], dtype=np.float16)
    probe = np.ones(1, dtype=np.float32)
    assert kernel.exact(stored, np.arange(3), probe).tolist() == [1.0, -1.0, 0.25]
    assert kernel.coarse(stored, probe).tolist() == [1.0, -1.0, 0.25]


def test_nothing_has_no_scores_and_no_norm() -> None:
    none = np.empty((0, 4), dtype=np.float16)
    probe = a_probe(1, 4)
    assert kernel.coarse(none, probe).shape == (0,)
    assert kernel.exact(none, np.arange(0), probe).shape == (0,)
    assert kernel.largest_norm(none) == 0.0


def test_the_largest_norm_is_found_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "BLOCK_COMPONENTS", 10)
    stored = vectors(1, 20, 4)
    stored[13] *= 2
    assert kernel.largest_norm(stored) == pytest.approx(2.0, abs=2e-3)


@pytest.mark.parametrize("damage", [np.nan, np.inf])
def test_a_template_that_is_not_finite_is_refused(damage: float) -> None:
    stored = vectors(1, 5, 4)
    stored[2, 1] = damage
    with pytest.raises(ValueError, match="not finite"):
        kernel.largest_norm(stored)
