"""checkov finds what deploy/kubernetes/checkov.yaml explains, and nothing else.

It lives in an environment of its own (requirements/deploy.txt), because it wants other releases of what we use.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.integration.kubernetes.support import FOLDER, ROOT, VARIANTS, dump, made

CONFIGURATION = FOLDER / "checkov.yaml"
SKIPPED_IN_PLACE = {
    ("CKV_K8S_8", "Pod.facepass.facepass-test-health"),
    ("CKV_K8S_9", "Pod.facepass.facepass-test-health"),
}


def checkov() -> str:
    """The program: named by CHECKOV, in PATH, or where `make` puts it."""
    found = (
        os.environ.get("CHECKOV") or shutil.which("checkov") or shutil.which(ROOT / ".venv-deploy" / "bin" / "checkov")
    )
    if found is None:
        pytest.skip("checkov is not installed: pip install --no-deps -r requirements/deploy.txt in a venv of its own")
    return found


def test_it_finds_what_is_explained_and_nothing_else(tmp_path: Path) -> None:
    for variant in VARIANTS:
        folder = tmp_path / variant
        folder.mkdir()
        text = "".join(f"---\n{dump(found)}" for found in made(variant))
        (folder / "facepass.yaml").write_text(text, encoding="utf-8")
    ran = subprocess.run(  # noqa: S603 a program that was looked for
        [checkov(), "-d", str(tmp_path), "--framework", "kubernetes", "--skip-download", "-o", "json"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    report = json.loads(ran.stdout)
    assert report["summary"]["passed"] > 1000, ran.stderr
    assert report["summary"]["parsing_errors"] == 0
    failed = {each["check_id"] for each in report["results"]["failed_checks"]}
    assert failed == set(yaml.safe_load(CONFIGURATION.read_text(encoding="utf-8"))["skip-check"])
    skipped = {(each["check_id"], each["resource"]) for each in report["results"]["skipped_checks"]}
    assert skipped == SKIPPED_IN_PLACE


def test_each_exception_has_its_reason_above_it() -> None:
    lines = CONFIGURATION.read_text(encoding="utf-8").splitlines()
    exceptions = [number for number, line in enumerate(lines) if re.match(r"  - CKV", line)]
    assert exceptions
    for number in exceptions:
        assert re.match(r"  # .*\w{3,}", lines[number - 1]), lines[number]


def test_its_packages_are_pinned_with_hashes_and_name_no_host() -> None:
    text = (ROOT / "requirements" / "deploy.txt").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert any(entry.startswith("checkov==") for entry in entries)
