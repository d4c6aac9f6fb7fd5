#!/usr/bin/env python3
"""Check the documents, as `make docs-check` does: see `tests/docs/__main__.py`, or `--help`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.docs.__main__ import main  # noqa: E402  # the folder above is not in the path before

if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(str(error))
