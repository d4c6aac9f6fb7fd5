"""What documents mention has to exist."""

from pathlib import Path

import pytest

from tests.docs.document import read
from tests.docs.mentions import commands, faults


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "Makefile").write_text("run: x\n\t@true\ndocs-check:\n\t@true\n")
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "there.sh").write_text("")
    return tmp_path


def told(root: Path, text: str) -> list[str]:
    page = root / "page.md"
    page.write_text(text, encoding="utf-8")
    return list(faults(read(page), root))


@pytest.mark.parametrize(
    "code",
    [
        "facepass",
        "facepass …",
        "facepass --help",
        "facepass db backup --to DIR",
        "facepass jobs list, show, cancel, retry",
        "facepass keys rotate PREFIX --grace-hours 48",
        "RECOGNIZER_TYPE=x facepass doctor --production",
        ".venv/bin/facepass index photos --no-resume",
        "facepass -> src",
        "make run",
        "make docs-check run",
        "scripts/there.sh URL",
        "scripts/*.sh",
    ],
)
def test_what_exists(root: Path, code: str) -> None:
    assert told(root, f"Do `{code}`.\n") == []


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("facepass backup", "`facepass` has no command backup"),
        ("facepass db back-up --to x", "`facepass db` has no command back-up"),
        ("facepass search a.jpg --treshold 0.5", "`facepass search` has no option --treshold"),
        ("facepass db backup --to=x --fast", "`facepass db backup` has no option --fast"),
        ("make everything", "the Makefile has no target everything"),
        ("scripts/gone.sh", "scripts/gone.sh is not there"),
    ],
)
def test_what_does_not(root: Path, code: str, fault: str) -> None:
    assert told(root, f"First.\n\nDo `{code}`.\n") == [f"page.md:3: {fault}"]


def test_blocks_are_looked_at_though_they_are_not_run(root: Path) -> None:
    script = "sudo true && facepass sreve   # facepass comment\nfacepass doctor \\\n    --jsno\n"
    block = f"<!-- not run: why -->\n```bash\n{script}```\n"
    assert told(root, block) == [
        "page.md:2: `facepass` has no command sreve",
        "page.md:2: `facepass doctor` has no option --jsno",
    ]


def test_commands_of_a_script() -> None:
    script = "A=1 facepass status | grep x\n$ x=$(facepass keys list --json)\n# facepass comment\n"
    assert list(commands(script)) == [
        ["facepass", "status"],
        ["grep", "x"],
        ["x="],
        ["facepass", "keys", "list", "--json"],
    ]
