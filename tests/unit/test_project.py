"""The project's own files keep their promises."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = ("run.txt", "dev.txt")


def pinned(lock: str) -> set[str]:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    return {canonicalize_name(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_files_pin_with_hashes_and_name_no_host(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("==" in entry and "--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("lock", LOCKS)
def test_lock_files_hold_every_dependency(lock: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["demo"]]
    if lock == "dev.txt":
        asked += [entry for entry in project["dependency-groups"]["dev"] if isinstance(entry, str)]
    assert {canonicalize_name(Requirement(entry).name) for entry in asked} <= pinned(lock)


def test_the_development_lock_extends_the_other() -> None:
    def versions(lock: str) -> set[str]:
        text = (ROOT / "requirements" / lock).read_text(encoding="utf-8")
        return set(re.findall(r"^\S+==\S+", text, re.MULTILINE))

    assert versions("run.txt") <= versions("dev.txt")


def test_every_exception_to_a_security_rule_is_explained() -> None:
    silenced = re.compile(r"#\s*(?:ruff:\s*)?noqa:\s*(?P<codes>[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)(?P<reason>.*)")
    explained = 0
    for folder in ("src", "tests", "benchmarks", "deploy", "migrations", "scripts"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for line in path.read_text(encoding="utf-8").splitlines():
                found = silenced.search(line)
                if found and re.search(r"\bS\d{3}", found["codes"]):
                    assert re.search(r"[a-z]{3,}", found["reason"].partition("# nosec")[0]), (path, line)
                    explained += 1
                elif "# nosec" in line and "test_project" not in str(path):
                    assert re.search(r"# [a-z].* +# nosec", line), (path, line)
    assert explained > 20
