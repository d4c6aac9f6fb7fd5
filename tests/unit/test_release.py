"""A release says what the changelog says, and names its version everywhere."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE, CHART, CHANGELOG = "src/__init__.py", "deploy/helm/facepass/Chart.yaml", "CHANGELOG.md"
TEXT = "# Changelog\n\n## Unreleased\n\n### Added\n\n- New things.\n\n## 0.1.0 - 2026-01-31\n\n- The first.\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    for name in ("prepare_release.py", "release_notes.py"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts")
    for name, text in (
        (PACKAGE, '__version__ = "0.1.0"\n'),
        (CHART, 'name: facepass\nversion: "0.1.0"\nappVersion: "0.1.0"\n'),
        (CHANGELOG, TEXT),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(repository: Path, script: str, version: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, repository / "scripts" / script, version]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)  # noqa: S603 - our own script


def texts(repository: Path) -> dict[str, str]:
    return {name: (repository / name).read_text() for name in (PACKAGE, CHART, CHANGELOG)}


def test_notes_are_the_section_of_the_version(repository: Path) -> None:
    assert run(repository, "release_notes.py", "0.1.0").stdout == "- The first.\n"
    assert run(repository, "release_notes.py", "Unreleased").stdout == "### Added\n\n- New things.\n"


@pytest.mark.parametrize("version", ["0.1", "0.1.00", "9.9.9", "0.1.0 - 2026"])
def test_notes_of_an_unknown_version_are_an_error(repository: Path, version: str) -> None:
    done = run(repository, "release_notes.py", version)
    assert (done.returncode, done.stdout) == (1, "")
    assert version in done.stderr


def test_a_release_names_its_version_everywhere(repository: Path) -> None:
    assert run(repository, "prepare_release.py", "0.2.0").returncode == 0
    changed = texts(repository)
    assert changed[PACKAGE] == '__version__ = "0.2.0"\n'
    assert changed[CHART] == 'name: facepass\nversion: "0.2.0"\nappVersion: "0.2.0"\n'
    assert changed[CHANGELOG].startswith("# Changelog\n\n## Unreleased\n\n## 0.2.0 - 20")
    assert run(repository, "release_notes.py", "0.2.0").stdout == "### Added\n\n- New things.\n"
    assert run(repository, "prepare_release.py", "0.2.0").returncode == 0
    assert texts(repository) == changed


@pytest.mark.parametrize("version", ["0.0.9", "1.0", "v1.0.0", "1.0.0-rc1"])
def test_what_cannot_be_released_changes_nothing(repository: Path, version: str) -> None:
    before = texts(repository)
    done = run(repository, "prepare_release.py", version)
    assert done.returncode == 1
    assert version in done.stderr
    assert texts(repository) == before


def test_a_release_without_a_word_about_it_is_refused(repository: Path) -> None:
    (repository / CHANGELOG).write_text("# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-01-31\n\n- The first.\n")
    before = texts(repository)
    assert run(repository, "prepare_release.py", "0.2.0").returncode == 1
    assert texts(repository) == before
