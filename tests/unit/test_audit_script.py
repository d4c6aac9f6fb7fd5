"""The audit of packages tells what was looked at from what was not, whatever pip-audit says of it."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "audit.py"
SOUND = {"name": "sound", "version": "1.0", "vulns": []}
FLAWED = {
    "name": "flawed",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.1"], "description": "bad"}],
}
Audit = Callable[..., subprocess.CompletedProcess[str]]


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": "not found"}


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Runs the script against a pip-audit that gives these packages for each database; None for no answer at all."""

    def run(**answers: list[dict[str, Any]] | None) -> subprocess.CompletedProcess[str]:
        reports = {name: None if found is None else {"dependencies": found} for name, found in answers.items()}
        program = tmp_path / "pip-audit"
        program.write_text(
            f"#!{sys.executable}\nimport json, sys\n"
            "assert {'--require-hashes', '--disable-pip', 'lock.txt'} <= {*sys.argv}\n"
            f"report = json.loads({json.dumps(reports)!r})[sys.argv[sys.argv.index('--vulnerability-service') + 1]]\n"
            "if report is None:\n    sys.exit('Traceback: no way out')\n"
            "print(json.dumps(report))\n"
        )
        program.chmod(0o700)
        return subprocess.run(  # noqa: S603 - our own script
            [sys.executable, str(SCRIPT), "--pip-audit", str(program), "lock.txt"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_all_is_well_when_every_package_was_answered_for(audit: Audit) -> None:
    done = audit(pypi=[SOUND])
    assert done.returncode == 0
    assert "the package index answered for 1 of 1 packages" in done.stdout
    assert "none of the 1 packages checked is known" in done.stdout
    assert "NOT CHECKED" not in done.stdout


@pytest.mark.parametrize("pypi", [None, [skipped("sound"), skipped("flawed")]])
@pytest.mark.parametrize("osv", [None, [skipped("sound"), skipped("flawed")]])
def test_what_nobody_answered_for_is_no_failure_and_no_success(audit: Audit, pypi: Any, osv: Any) -> None:
    done = audit(pypi=pypi, osv=osv)
    assert done.returncode == 0
    assert "*** NOT CHECKED: no database answered for any package of lock.txt ***" in done.stdout
    assert "known to be vulnerable" not in done.stdout


def test_what_one_database_does_not_know_the_next_is_asked(audit: Audit) -> None:
    done = audit(pypi=[SOUND, skipped("flawed")], osv=[SOUND, FLAWED])
    assert done.returncode == 1
    assert "VULNERABLE flawed 2.0: PYSEC-1, CVE-1; mended in 2.1" in done.stdout
    assert "NOT CHECKED" not in done.stdout


def test_packages_that_were_left_out_are_named(audit: Audit) -> None:
    done = audit(pypi=[SOUND, *(skipped(f"p{number}") for number in range(9))], osv=None)
    assert done.returncode == 0
    assert "*** NOT CHECKED: 9 packages of lock.txt: p0, p1, p2, p3, p4, p5, p6, p7 and 1 more ***" in done.stdout
    assert "osv.dev cannot be reached" in done.stdout
    assert "none of the 1 packages checked" in done.stdout


def test_a_finding_stands_though_others_were_not_checked(audit: Audit) -> None:
    done = audit(pypi=[FLAWED, skipped("other")], osv=None)
    assert done.returncode == 1
    assert "VULNERABLE flawed" in done.stdout
    assert "NOT CHECKED: 1 packages" in done.stdout
