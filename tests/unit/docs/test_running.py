"""Blocks are run where they can be, and one that cannot be judged is a failure."""

import os
from pathlib import Path

import pytest

from tests.docs.document import Block
from tests.docs.running import Verdict, judge, kept_variables
from tests.docs.world import World


@pytest.fixture
def made(tmp_path: Path) -> World:
    return World(tmp_path, "http://127.0.0.1:41999", {})


def outcome(made: World | None, language: str, text: str, **marks: object) -> tuple[Verdict, str]:
    found = judge(Block(1, language, text, **marks), made, os.environ)  # type: ignore[arg-type]  # marks by name
    return found.verdict, found.detail


def test_a_shell_is_run(made: World) -> None:
    assert outcome(made, "bash", "touch here\n") == (Verdict.RAN, "")
    assert (made.folder / "here").exists()


@pytest.mark.parametrize("script", ["false\n", "false | true\n", "echo $undefined\n", "true; exit 3\n"])
def test_whatever_fails_in_it_is_a_failure(made: World, script: str) -> None:
    assert outcome(made, "bash", script)[0] is Verdict.FAILED


def test_what_it_said_last_is_told(made: World) -> None:
    assert outcome(made, "sh", "echo about to fail\nexit 3\n") == (Verdict.FAILED, "ended with 3:\nabout to fail")


def test_an_exit_code_that_was_promised(made: World) -> None:
    assert outcome(made, "bash", "exit 1\n", ends_with=1)[0] is Verdict.RAN
    assert outcome(made, "bash", "exit 0\n", ends_with=1)[0] is Verdict.FAILED


def test_variables_are_handed_on(made: World) -> None:
    assert outcome(made, "bash", "name='a b'\n")[0] is Verdict.RAN
    assert outcome(made, "bash", 'test "$name" = "a b"\n')[0] is Verdict.RAN
    kept_variables(made.folder).unlink()
    assert outcome(made, "bash", 'test "$name" = "a b"\n')[0] is Verdict.FAILED


def test_addresses_and_folders_are_those_of_the_world(made: World) -> None:
    (made.folder / "scripts").mkdir()
    script = (
        'test "http://127.0.0.1:8000/x localhost:8000" = "http://127.0.0.1:"41999"/x 127.0.0.1:"41999\n'
        "test -d /opt/facepass/scripts\nmkdir /var/backups/facepass\n"
    )
    assert outcome(made, "bash", script) == (Verdict.RAN, "")
    assert (made.folder / "backups").is_dir()


def test_of_a_console_only_what_follows_a_prompt_is_run(made: World) -> None:
    assert outcome(made, "console", "$ touch \\\n  here\nno such command\n")[0] is Verdict.RAN
    assert (made.folder / "here").exists()


def test_python_is_run_and_warnings_are_errors(made: World) -> None:
    assert outcome(made, "python", "open('here', 'w').close()\n") == (Verdict.RAN, "")
    assert outcome(made, "python", "import warnings\nwarnings.warn('old')\n")[0] is Verdict.FAILED


def test_a_block_kept_as_a_file_is_not_run(made: World) -> None:
    text = "raise SystemExit('http://127.0.0.1:8000')\n"
    assert outcome(made, "python", text, file="kept.py")[0] is Verdict.CHECKED
    assert (made.folder / "kept.py").read_text() == "raise SystemExit('http://127.0.0.1:41999')\n"


@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("json", "{}", "{,}"),
        ("yaml", "a: [1]\n---\nb: 2\n", "a: [1\n"),
        ("toml", "a = 1\n", "a = \n"),
        ("ini", "[Unit]\nAfter=a\nAfter=b\n", "[Unit]\nnothing: here\n= x\n"),
        ("ini", "archive_mode = on\n", "[broken\n"),
        ("env", "A=b c\n# no\n", "export A=b\n"),
        ("bash", "make run\n", "if true; then\n"),
        ("python", "", "def f(:\n"),
    ],
)
def test_what_is_parsed(language: str, good: str, bad: str) -> None:
    assert outcome(None, language, good)[0] is Verdict.CHECKED
    assert outcome(None, language, bad)[0] is Verdict.FAILED


@pytest.mark.parametrize("language", ["", "nginx", "js", "sql"])
def test_what_cannot_be_judged_has_to_say_why(language: str) -> None:
    assert outcome(None, language, "x\n")[0] is Verdict.FAILED


def test_a_reason_does_not_excuse_wrong_syntax() -> None:
    assert outcome(None, "bash", "kubectl get pods\n", not_run="needs a cluster") == (
        Verdict.NOT_RUN,
        "needs a cluster",
    )
    assert outcome(None, "bash", "if kubectl\n", not_run="needs a cluster")[0] is Verdict.FAILED
    assert outcome(None, "nginx", "server {}\n", not_run="needs nginx")[0] is Verdict.NOT_RUN


def test_make_is_looked_up_and_not_run(made: World) -> None:
    assert outcome(made, "sh", "make run   # starts\nmake test\n")[1] == "targets of the Makefile"
    assert outcome(made, "sh", "make --version\ntouch here\n")[0] is Verdict.RAN
