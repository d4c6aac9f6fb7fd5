"""Whether what documents mention exists: commands of `facepass` and their options, targets of `make`, files.

This also looks at blocks that are not run: a command that nobody could try must at least exist.
"""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from facepass.entrypoints.cli.main import COMMANDS, main
from tests.docs.document import Document

FOLDERS = ("benchmarks", "deploy", "docs", "migrations", "scripts", "src", "tests")
SHELLS = {"bash", "sh", "console"}
_PATH = re.compile(rf"(?:^|(?<=\s))(?:\./)?((?:{'|'.join(FOLDERS)})/[\w./-]+)")
_TARGET = re.compile(r"^([a-z][a-z-]*):", re.MULTILINE)
_OPTION = re.compile(r"-[a-z]|--[a-z][a-z-]*")
_WORD = re.compile(r"[a-z][a-z0-9-]*")
_ASSIGNMENT = re.compile(r"[A-Z_]+=")


def faults(document: Document, root: Path) -> Iterator[str]:
    """What a document mentions and is not there, a line each."""
    targets = set(_TARGET.findall((root / "Makefile").read_text(encoding="utf-8")))
    shown = [(code.line, code.target, False) for code in document.code]
    shown += [(block.line, block.text, True) for block in document.blocks if block.language in SHELLS]
    for line, text, is_block in shown:
        for command in commands(text) if is_block else [words(text)]:
            problem = _of_facepass(command) or _of_make(command, targets)
            if problem:
                yield f"{document.path.relative_to(root)}:{line}: {problem}"
        for path in _PATH.findall(text):
            if not any(part in path for part in ("*", "…")) and not (root / path.rstrip("/.")).exists():
                yield f"{document.path.relative_to(root)}:{line}: {path} is not there"


def words(text: str) -> list[str]:
    """A command's words without what is put before it, as far as they can be told apart."""
    try:
        split = shlex.split(text, comments=True)
    except ValueError:
        split = text.split()
    while split and _ASSIGNMENT.match(split[0]):
        split = split[1:]
    return split


def commands(script: str) -> Iterator[list[str]]:
    """The commands of a script that stand at the beginning of a line or after `|`, `&&`, `;` or `$(`."""
    for line in script.replace("\\\n", " ").splitlines():
        stripped = line.strip().removeprefix("$ ")
        for part in re.split(r"&&|\|\||[|;]|\$\(", stripped):
            found = words(part.strip().rstrip(')"'))
            if found:
                yield found


def _of_facepass(command: list[str]) -> str | None:
    if not command or Path(command[0]).name != "facepass":
        return None
    at: click.Command = main
    path = ["facepass"]
    for raw in command[1:]:
        word = raw.rstrip(",.")
        if _OPTION.fullmatch(word.partition("=")[0]):
            name = word.partition("=")[0]
            if not _has_option(at, name):
                return f"`{' '.join(path)}` has no option {name}"
        elif isinstance(at, click.Group) and _WORD.fullmatch(word):
            step = _step(at, word)
            if step is None:
                return f"`{' '.join(path)}` has no command {word}"
            at, path = step, [*path, word]
            if raw != word:  # the first of several: "facepass jobs list, show"
                return None
        elif isinstance(at, click.Group):
            return None
    return None


def _step(group: click.Group, name: str) -> click.Command | None:
    if group is main:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"facepass.entrypoints.cli.commands.{name}").command
        return command
    return group.commands.get(name)


def _has_option(command: click.Command, name: str) -> bool:
    if name in {"-h", "--help"}:
        return True
    return any(name in (*option.opts, *option.secondary_opts) for option in command.params)


def _of_make(command: list[str], targets: set[str]) -> str | None:
    if command[:1] != ["make"]:
        return None
    asked = [word.rstrip(",.") for word in command[1:] if _WORD.fullmatch(word.rstrip(",."))]
    missing = [word for word in asked if word not in targets]
    return f"the Makefile has no target {missing[0]}" if missing else None
