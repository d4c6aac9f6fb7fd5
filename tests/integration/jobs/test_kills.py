"""A short form of `python -m tests.kills`, which kills thirty times during a thousand photos."""

from pathlib import Path

from tests.kills.__main__ import is_whole, told
from tests.kills.run import run


async def test_a_job_survives_whatever_is_killed(tmp_path: Path, onnx_models_dir: Path) -> None:
    outcome = await run(tmp_path, onnx_models_dir, photos=40, kills=4, different=8, seed=3)
    assert sum(outcome.kills.values()) == 4
    assert is_whole(outcome), told(outcome)
