"""Checks the documents of this repository.

    python -m tests.docs                         # all of it, as CI does
    python -m tests.docs --only docs/access.md   # the blocks of one document
    python -m tests.docs --without-running       # the site, links, what is mentioned, and the syntax of blocks

1. The site is built by mkdocs, every warning an error, and its pages load nothing from other hosts.
2. Links lead to files and headings that exist; addresses of other hosts are well formed. They are not asked.
3. Commands of `facepass`, their options, targets of `make` and files that are mentioned exist.
4. Blocks of code are run: shells and Python against a service on the embedded default (`world` says what is in it),
   data is parsed. What cannot be run here says why in a comment before it, and is checked for its syntax.

A comment directly before a block tells of it:

    <!-- not run: needs a Docker engine -->
    <!-- file: detect.py -->        kept under this name for the blocks after it, instead of being run
    <!-- ends with: 1 -->           its exit code, where that is not 0

Blocks of one document are run in turn, each with the variables that the ones before it set. Ends with 1 where anything
is wrong.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

from tests.docs import links, mentions, site
from tests.docs.document import Document, read
from tests.docs.running import Outcome, Verdict, judge, kept_variables
from tests.docs.world import World, fresh, world

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("*.md", "docs/**/*.md", "deploy/**/*.md", "clients/**/*.md")
WORLDS = 2
"""A command starts on one processor and then waits for its database: two keep two processors busy."""
Row = tuple[str, str, Outcome]


def documents(root: Path) -> list[Document]:
    """All documents, in order of their paths."""
    found = {path for pattern in PAGES for path in root.glob(pattern) if not _is_ours_to_leave(path, root)}
    return [read(path) for path in sorted(found)]


def _is_ours_to_leave(path: Path, root: Path) -> bool:
    """Folders that hold what others wrote or tools made."""
    return any(part.startswith(".") or part in {"site", "node_modules"} for part in path.relative_to(root).parts)


def judged(document: Document, made: World | None, root: Path) -> list[Row]:
    """Each block of a document with what became of it."""
    if not document.blocks:
        return []
    rows = []
    with nullcontext(dict(os.environ)) if made is None else fresh(made) as environment:
        for block in document.blocks:
            where = f"{document.path.relative_to(root)}:{block.line}"
            rows.append((where, block.language or "?", judge(block, made, environment)))
        if made is not None:
            kept_variables(made.folder).unlink(missing_ok=True)
    return rows


def judged_in_worlds(chosen: Sequence[Document], folder: Path, models: Path, worlds: int) -> list[Row]:
    """The blocks of all documents, each document in one of several worlds of their own, and shown when it is done."""
    waiting = deque(sorted(chosen, key=lambda document: len(document.blocks)))
    rows: list[Row] = []
    printing = threading.Lock()

    def work(number: int) -> None:
        with world(ROOT, _made(folder / f"world{number}"), models) as made:
            while True:
                try:
                    document = waiting.pop()
                except IndexError:
                    return
                found = judged(document, made, ROOT)
                with printing:
                    rows.extend(found)
                    _show(found)

    with ThreadPoolExecutor(worlds) as pool:
        for done in [pool.submit(work, number) for number in range(worlds)]:
            done.result()
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, print, and say by the exit code whether all is well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", type=Path, default=[], metavar="FILE", help="blocks of this one")
    parser.add_argument("--without-running", action="store_true", help="run no block")
    parser.add_argument("--worlds", type=int, default=WORLDS, help="services side by side; default: %(default)s")
    models = Path(os.environ.get("FACEPASS_TEST_MODELS_DIR", ROOT / ".facepass" / "models"))
    parser.add_argument("--models", type=Path, default=models, help="prepared models; default: %(default)s")
    asked = parser.parse_args(arguments)
    started = time.monotonic()
    everything = documents(ROOT)
    only = {path.resolve() for path in asked.only}
    unknown = only - {document.path for document in everything}
    if unknown:
        parser.error(f"no document: {', '.join(map(str, unknown))}")
    chosen = [document for document in everything if not only or document.path in only]
    with tempfile.TemporaryDirectory(prefix="facepass-docs-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        faults = [] if only else [*site.build(ROOT, Path(name) / "site")]
        by_path = {document.path: document for document in everything}
        for document in chosen:
            faults += links.dead_links(document, by_path, ROOT)
            faults += mentions.faults(document, ROOT)
        if asked.without_running:
            rows = [row for document in chosen for row in judged(document, None, ROOT)]
            _show(rows)
        else:
            rows = judged_in_worlds(chosen, Path(name), asked.models, min(asked.worlds, len(chosen)))
    sys.stdout.write(_summary(rows, faults, chosen, time.monotonic() - started) + "\n")
    return 1 if faults or any(outcome.verdict is Verdict.FAILED for _, _, outcome in rows) else 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _show(rows: Sequence[Row]) -> None:
    for where, language, outcome in rows:
        took = f"{outcome.took_s:5.1f} s" if outcome.took_s else " " * 7
        detail = outcome.detail.replace("\n", "\n" + " " * 8)
        sys.stdout.write(f"{where:<46} {language:<8} {outcome.verdict:<8} {took}  {detail}".rstrip() + "\n")
    sys.stdout.flush()


def _summary(rows: Sequence[Row], faults: Sequence[str], chosen: Sequence[Document], took_s: float) -> str:
    counts = {verdict: sum(outcome.verdict is verdict for _, _, outcome in rows) for verdict in Verdict}
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    held = sum(len(document.links) for document in chosen)
    lines = [*(f"FAULT {fault}" for fault in faults), f"{len(chosen)} documents, {held} links, {len(faults)} faults."]
    return "\n".join([*lines, f"{len(rows)} blocks: {told}. {took_s:.0f} s."])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(str(error))
