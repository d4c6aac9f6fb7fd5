#!/usr/bin/env python3
"""Ask databases of known vulnerabilities about every package that a lock file pins, and say which of them answered.

    python scripts/audit.py requirements/run.txt

pip-audit alone calls it "no known vulnerabilities" when nobody answered. Here, what no database answered for is NOT
CHECKED, in a line that cannot be overlooked; that is no failure, as a machine without a way out must be able to build.
Ends with 1 when a package is known to be vulnerable.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DATABASES = {"pypi": "the advisories of the package index", "osv": "the database of osv.dev"}
"""By the name that pip-audit has for it, in the order in which they are asked."""
SOCKET_TIMEOUT_S = 10
TIMEOUT_S = 300.0
"""Longest time for one database to answer for a whole lock file."""
SHOWN_AT_MOST = 8
"""Names of packages in one line."""


@dataclass(frozen=True)
class Answer:
    """What one database said.

    Attributes:
        checked: packages it knows, with their versions.
        unknown: packages it could not say anything about.
        findings: a line each.
    """

    checked: frozenset[str]
    unknown: frozenset[str]
    findings: tuple[str, ...]


def ask(program: Path, database: str, lock: Path) -> Answer | None:
    """The answer of one database; None where it cannot be reached within the time."""
    command = [program, "--require-hashes", "--disable-pip", "--requirement", lock, "--vulnerability-service", database]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", str(SOCKET_TIMEOUT_S)]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments, no shell
            [*map(str, command), *options], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        return None  # it ends with a traceback in place of a report when there is no way to the database
    checked = [package for package in found if "vulns" in package]
    return Answer(
        frozenset(package["name"] for package in checked),
        frozenset(package["name"] for package in found if "vulns" not in package),
        tuple(_line(package, flaw) for package in checked for flaw in package["vulns"]),
    )


def _line(package: dict[str, Any], flaw: dict[str, Any]) -> str:
    names = ", ".join([flaw["id"], *flaw.get("aliases", ())])
    mended = ", ".join(flaw.get("fix_versions") or ()) or "no version yet"
    return f"{package['name']} {package['version']}: {names}; mended in {mended}"


def audit(program: Path, lock: Path) -> bool:
    """Ask until every package was answered for, or nobody is left to ask; whether nothing vulnerable was found."""
    findings: dict[str, None] = {}
    checked: set[str] = set()
    unchecked: set[str] = set()
    for database, called in DATABASES.items():
        answer = ask(program, database, lock)
        if answer is None:
            sys.stdout.write(f"{lock}: {called} cannot be reached from here\n")
            continue
        asked = len(answer.checked | answer.unknown)
        sys.stdout.write(f"{lock}: {called} answered for {len(answer.checked)} of {asked} packages\n")
        findings |= dict.fromkeys(answer.findings)
        checked |= answer.checked
        unchecked = (unchecked | answer.unknown) - checked
        if not unchecked:
            break
    for finding in findings:
        sys.stdout.write(f"VULNERABLE {finding}\n")
    if not checked:
        sys.stdout.write(f"*** NOT CHECKED: no database answered for any package of {lock} ***\n")
    elif unchecked:
        names = sorted(unchecked)
        more = f" and {len(names) - SHOWN_AT_MOST} more" if len(names) > SHOWN_AT_MOST else ""
        shown = ", ".join(names[:SHOWN_AT_MOST])
        sys.stdout.write(f"*** NOT CHECKED: {len(names)} packages of {lock}: {shown}{more} ***\n")
    if checked and not findings:
        sys.stdout.write(f"{lock}: none of the {len(checked)} packages checked is known to be vulnerable\n")
    return not findings


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("locks", nargs="+", type=Path, metavar="LOCK", help="file of pinned packages with hashes")
    beside = Path(sys.executable).with_name("pip-audit")
    parser.add_argument("--pip-audit", type=Path, default=beside, help="default: the one beside this Python")
    given = parser.parse_args()
    sound = [audit(given.pip_audit, lock) for lock in given.locks]
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())
