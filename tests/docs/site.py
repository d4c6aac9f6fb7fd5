"""Builds the site as strictly as mkdocs can, and sees to it that its pages ask no other host for anything."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

BUILD_TIMEOUT_S = 120
_LOADS = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\bsrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*\brel=[\"']?(?:stylesheet|preconnect|preload|prefetch|icon|dns-prefetch|modulepreload))"
    r"[^>]*?\bhref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)",
    re.IGNORECASE,
)


def build(root: Path, folder: Path) -> Iterator[str]:
    """Build into a folder; what was wrong, a line each.

    Args:
        root: of the repository; `mkdocs.yml` lies there.
        folder: takes the pages.
    """
    # Not with --quiet: what is not shown is not counted, and then no warning is an error.
    done = subprocess.run(  # noqa: S603 - mkdocs, of our own environment
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=root,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "DISABLE_MKDOCS_2_WARNING": "true"},
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        wrong = [line for line in said if line.startswith(("WARNING", "ERROR"))]
        yield from (f"mkdocs: {line}" for line in wrong or said)
        return
    for page in sorted(folder.rglob("*.html")):
        for asset in foreign_assets(page.read_text(encoding="utf-8")):
            yield f"{page.relative_to(folder)} loads {asset}"


def foreign_assets(html: str) -> Iterator[str]:
    """Addresses of other hosts from which a page loads scripts, styles, fonts or pictures. Links to them are none."""
    for found in _LOADS.findall(html):
        yield next(address for address in found if address)
