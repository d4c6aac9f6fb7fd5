"""Runs one block of code, or looks at it as closely as can be done without running it."""

import ast
import configparser
import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import yaml

from tests.docs.document import Block
from tests.docs.world import World

TIMEOUT_S = 90
LAST_LINES = 15
SHELLS = {"bash", "sh", "console"}
READ = "only to be read"
SHOWN = {
    "text": READ,
    "http": READ,
    "diff": READ,
    "mermaid": "drawn by the site",
    "promql": "read by Prometheus in tests/integration/monitoring",
}
"""Languages of what is not run, and what is done about it instead."""
STATE = ".variables"
"""File in which the variables of a document's blocks are handed on."""


class Verdict(StrEnum):
    """What became of a block."""

    RAN = "ran"
    CHECKED = "checked"
    NOT_RUN = "not run"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict with what there is to say of it."""

    verdict: Verdict
    detail: str = ""
    took_s: float = 0.0


def judge(block: Block, made: World | None, environment: Mapping[str, str]) -> Outcome:
    """Run a block, or check it.

    Args:
        block: which.
        made: where; None to run nothing, and only see whether it could be judged.
        environment: of the document it stands in.
    """
    refused = _refusal(block)
    if refused:
        return Outcome(Verdict.FAILED, refused)
    if block.not_run:
        return Outcome(Verdict.NOT_RUN, block.not_run)
    if block.file:
        if made:
            (made.folder / block.file).write_text(made.spoken_of_here(block.text), encoding="utf-8")
        return Outcome(Verdict.CHECKED, f"kept as {block.file} for what follows")
    checked = _checked(block)
    if checked:
        return Outcome(Verdict.CHECKED, checked)
    return Outcome(Verdict.CHECKED, "could be run") if made is None else _run(block, made, environment)


def _refusal(block: Block) -> str | None:
    """What is wrong with a block before anything is run."""
    if not block.language:
        return "say its language: fence it as ```bash, ```json, ```text …"
    if block.language not in {*SHELLS, *SHOWN, *PARSERS, "python"} and not block.not_run:
        return f"{block.language} cannot be run here: say so, <!-- not run: why -->"
    return syntax_problem(block)


def _checked(block: Block) -> str | None:
    """How a block is checked that is not to be run; None for one that is."""
    if block.language in SHOWN:
        return SHOWN[block.language]
    if block.language in PARSERS:
        return f"is {block.language}"
    if block.language in SHELLS and is_make(block.text):
        return "targets of the Makefile"
    return None


def syntax_problem(block: Block) -> str | None:
    """What is wrong with a block as it stands, whether or not it can be run."""
    if block.language in SHELLS:
        done = subprocess.run(  # reads it only
            ["bash", "-n"],  # noqa: S607 - whichever comes first, as for whoever reads it
            input=script_of(block),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr.strip() or None
    try:
        if block.language == "python":
            ast.parse(block.text)
        elif block.language in PARSERS:
            PARSERS[block.language](block.text)
    except (SyntaxError, ValueError, yaml.YAMLError, configparser.Error) as error:
        return f"no {block.language}: {error}"
    return None


def script_of(block: Block) -> str:
    """The commands of a block: of a `console` those after a prompt, and their continuations."""
    if block.language != "console":
        return block.text
    lines, goes_on = [], False
    for line in block.text.splitlines():
        if line.startswith("$ ") or goes_on:
            lines.append(line.removeprefix("$ "))
            goes_on = line.endswith("\\")
    return "\n".join(lines) + "\n"


def is_make(script: str) -> bool:
    """Whether all of it is `make`, which installs, or runs this very program: its targets are looked up instead."""
    lines = [line.split("#")[0].split() for line in script.splitlines()]
    return all(not words or words[0] == "make" for words in lines)


def _environment_file(text: str) -> None:
    for line in text.splitlines():
        if line.strip() and not line.startswith("#") and not re.match(r"[A-Z][A-Z0-9_]*=", line):
            raise ValueError(f"no assignment: {line}")


def _ini(text: str) -> None:
    # systemd repeats keys; PostgreSQL has no sections
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True, delimiters=("=",))
    parser.read_string(text if text.lstrip().startswith(("[", "#", ";")) and "[" in text else f"[all]\n{text}")


PARSERS = {
    "json": json.loads,
    "jsonl": lambda text: [json.loads(line) for line in text.splitlines()],
    "yaml": lambda text: [*yaml.safe_load_all(text)],
    "toml": tomllib.loads,
    "ini": _ini,
    "env": _environment_file,
}


def _run(block: Block, made: World, environment: Mapping[str, str]) -> Outcome:
    text = made.spoken_of_here(script_of(block))
    program = made.folder / ".block"
    if block.language == "python":
        command = [sys.executable, "-W", "error", str(program)]
        program.write_text(text, encoding="utf-8")
    else:
        command = ["bash", str(program)]
        state = made.folder / STATE
        before = f"set -euo pipefail\n[ ! -e {state} ] || . {state}\nset -a\n"
        program.write_text(f"{before}{text}\nset +a\nexport -p > {state}\n", encoding="utf-8")
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - the repository's own documents
        command,
        cwd=made.folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Outcome(Verdict.FAILED, f"was not done after {TIMEOUT_S} s", TIMEOUT_S)
    finally:
        program.unlink()
    took_s = time.monotonic() - started
    if process.returncode != block.ends_with:
        last = "\n".join(said.splitlines()[-LAST_LINES:])
        wanted = f", not {block.ends_with}" if block.ends_with else ""
        return Outcome(Verdict.FAILED, f"ended with {process.returncode}{wanted}:\n{last}", took_s)
    return Outcome(Verdict.RAN, f"ended with {block.ends_with}, as it says" if block.ends_with else "", took_s)


def kept_variables(folder: Path) -> Path:
    """The file in which blocks hand their variables on; removed before each document."""
    return folder / STATE
