"""Dead links are found, and live ones are not complained of."""

from pathlib import Path

import pytest

from tests.docs.document import read
from tests.docs.links import dead_links


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "other.md").write_text("# Other\n\n## Part one\n\n## Größe\n")
    (root / "README.md").write_text("# Read me\n")
    (root / "script.sh").write_text("")
    return root


def faults(root: Path, target: str) -> list[str]:
    page = root / "docs" / "page.md"
    page.write_text(f"# Page\n\n## Here\n\n[it]({target})\n")
    documents = {path: read(path) for path in root.rglob("*.md")}
    return list(dead_links(documents[page], documents, root))


@pytest.mark.parametrize(
    "target",
    [
        "other.md",
        "other.md#part-one",
        "#here",
        "../README.md#read-me",
        "../script.sh",
        "https://example.org/a?b=c#d",
        "http://127.0.0.1:8000/docs",
        "mailto:somebody@example.org",
    ],
)
def test_what_leads_somewhere(root: Path, target: str) -> None:
    assert faults(root, target) == []


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("missing.md", "is not there"),
        ("other.md#part-two", "has no such heading"),
        ("#there", "has no such heading"),
        ("other.md#größe", "different ids"),
        ("../script.sh#L1", "leads to no document"),
        ("../../secret", "leads out of the repository"),
        ("/docs/other.md", "begins with /"),
        ("http://example.org", "goes without TLS"),
        ("https://nowhere", "names no host"),
        ("https://exa_mple.org", "names no host"),
        ("ftp://example.org", "neither a file nor a page"),
        ("mailto:nobody", "no address of mail"),
        ("https://exa|mple.org/", "names no host"),
    ],
)
def test_what_does_not(root: Path, target: str, problem: str) -> None:
    (fault,) = faults(root, target)
    assert fault.startswith("docs/page.md:5: ")
    assert problem in fault
