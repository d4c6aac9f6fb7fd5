#!/usr/bin/env python3
"""Give the working tree a version: in the package, the chart and the changelog; print what is left to do.

    python scripts/prepare_release.py 0.2.0

What the changelog holds under "Unreleased" becomes the section of the version, dated today. Refuses a version that is
no semantic version, does not come after the present one, or would be released with nothing said about it; then nothing
is written. Doing it again for the same version changes nothing.
"""

import argparse
import re
import sys
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from release_notes import notes_of

ROOT = Path(__file__).parents[1]
PACKAGE = "src/__init__.py"
CHART = "deploy/helm/facepass/Chart.yaml"
CHANGELOG = "CHANGELOG.md"
UNRELEASED = "## Unreleased\n"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def parts_of(version: str) -> tuple[int, ...]:
    """A semantic version in numbers.

    Raises:
        ValueError: it is none, or has more than its three numbers.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"{version} is no version such as 1.2.3")
    return tuple(map(int, found.groups()))


def prepared(version: str, root: Path, *, day: str) -> dict[Path, str]:
    """The new text of each file that names the version.

    Args:
        version: to be released.
        root: of the repository.
        day: of the release, as in 2026-01-31.

    Raises:
        ValueError: it cannot be released so.
        LookupError: the changelog says nothing of it.
    """
    texts = {name: (root / name).read_text(encoding="utf-8") for name in (PACKAGE, CHART, CHANGELOG)}
    present = _one(r'__version__ = "(.+)"', texts[PACKAGE])
    if version != present and parts_of(version) < parts_of(present):
        raise ValueError(f"{version} comes before {present}, which is the present version")
    parts_of(version)
    if f"\n## {version} " not in texts[CHANGELOG]:
        notes_of("Unreleased", texts[CHANGELOG])
        texts[CHANGELOG] = texts[CHANGELOG].replace(UNRELEASED, f"{UNRELEASED}\n## {version} - {day}\n", 1)
    texts[PACKAGE] = texts[PACKAGE].replace(f'"{present}"', f'"{version}"')
    texts[CHART] = re.sub(r"^(version|appVersion): .*$", rf'\1: "{version}"', texts[CHART], flags=re.MULTILINE)
    return {root / name: text for name, text in texts.items()}


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"{pattern} is nowhere to be found")
    return found[1]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("version", help="such as 0.2.0")
    version = parser.parse_args().version
    try:
        changed = prepared(version, ROOT, day=datetime.now(UTC).date().isoformat())
    except (ValueError, LookupError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for path, text in changed.items():
        path.write_text(text, encoding="utf-8")
    sys.stdout.write(
        f"The working tree is FacePass {version}. When `git diff` looks right:\n"
        f"  git commit -am 'FacePass {version}' && git tag v{version} && git push --follow-tags\n"
        "The tag starts the release: image, software bill of materials, notes.\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
