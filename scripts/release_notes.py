#!/usr/bin/env python3
"""Print what the changelog says of one version, as the text of its release.

    python scripts/release_notes.py 0.2.0

Ends with 1 where the changelog has no such version, or says nothing of it.
"""

import argparse
import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[1] / "CHANGELOG.md"


def notes_of(version: str, changelog: str) -> str:
    """The section of a version, without its heading.

    Args:
        version: such as `0.2.0`, or `Unreleased`.
        changelog: Markdown with a heading of the second level for each version, which may end with its date.

    Raises:
        LookupError: there is no such section, or nothing in it.
    """
    sections = re.split(r"^## +", changelog, flags=re.MULTILINE)[1:]
    for section in sections:
        heading, _, body = section.partition("\n")
        if re.fullmatch(rf"\[?{re.escape(version)}\]?( +.*)?", heading.strip()):
            if not body.strip():
                raise LookupError(f"the changelog says nothing of {version}")
            return body.strip() + "\n"
    raise LookupError(f"the changelog has no section {version}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", help="such as 0.2.0")
    try:
        sys.stdout.write(notes_of(parser.parse_args().version, CHANGELOG.read_text(encoding="utf-8")))
    except LookupError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
