import json
import os
import subprocess
import sys

import pytest
from PIL import Image, ImageOps

TIMEOUT_S = 120


@pytest.fixture(scope="session")
def models_dir(onnx_models_dir):
    return onnx_models_dir


@pytest.fixture(scope="session")
def photos(orl_folder, tmp_path_factory):
    """A folder with three photos each of three people of the ORL faces, `1/1.png` to `3/3.png`; selfies beside it."""
    root = tmp_path_factory.mktemp("orl")
    for person in (1, 2, 3):
        (root / "photos" / str(person)).mkdir(parents=True)
        for number in (1, 2, 3, 4):
            with Image.open(orl_folder / f"s{person}" / f"{number}.pgm") as face:
                picture = ImageOps.expand(face.resize((276, 336), Image.Resampling.BICUBIC), border=100, fill=128)
            selfie = number == 4
            picture.save(root / f"selfie-{person}.png" if selfie else root / "photos" / str(person) / f"{number}.png")
    return root / "photos"


@pytest.fixture
def environment(tmp_path):
    """The variables of a process without any setting of this machine."""
    kept = ("PATH", "PYTHONPATH", "HOME", "LANG", "LD_LIBRARY_PATH", "SYSTEMROOT", "COVERAGE_PROCESS_START")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"DATA_DIR": str(tmp_path / "data")}


@pytest.fixture
def facepass(tmp_path, environment):
    """Runs the command line as a process of its own, in an empty folder."""

    def run(*arguments, **variables):
        return subprocess.run(  # noqa: S603 our own program
            [sys.executable, "-m", "facepass", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment | {name: str(value) for name, value in variables.items()},
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


@pytest.fixture
def on_database(facepass, database_url, models_dir):
    """Runs a command on a migrated database; its JSON answer."""

    def run(*arguments, expect=0):
        done = facepass(*arguments, "--json", DATABASE_URL=database_url, MODELS_DIR=models_dir)
        assert done.returncode == expect, done.stderr
        return json.loads(done.stdout or done.stderr)

    return run
