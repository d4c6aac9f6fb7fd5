"""`scripts/docker_health_check.sh`, with a `docker` that tells what the test wants it to."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.compose.model import ROOT

SCRIPT = ROOT / "scripts" / "docker_health_check.sh"
DOCKER = r"""#!/bin/sh
cd "$(dirname "$0")"
case $1 in
    ps)
        case "$*" in *"label=com.docker.compose.project=facepass"*) if [ -e states ]; then echo 1 2; fi ;; esac
        ;;
    inspect)
        cat states
        # the next look is at what comes then
        if [ -e states.next ]; then mv states.next states; fi
        ;;
esac
"""
Row = tuple[str, str, str, int, str]
GOOD: tuple[Row, ...] = (
    ("facepass-facepass-1", "running", "healthy", 0, "unless-stopped"),
    ("facepass-migrate-1", "exited", "none", 0, "on-failure"),
    ("facepass-rclone-1", "running", "none", 0, "no"),
)


def lines(rows: tuple[Row, ...]) -> str:
    return "".join(
        "\t".join((f"/{name}", state, health, str(status), policy)) + "\n"
        for name, state, health, status, policy in rows
    )


def check(
    folder: Path, *rows: Row, then: tuple[Row, ...] = (), arguments: tuple[str, ...] = (), **variables: str
) -> "subprocess.CompletedProcess[str]":
    docker = folder / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    if rows:
        (folder / "states").write_text(lines(rows))
    if then:
        (folder / "states.next").write_text(lines(then))
    return subprocess.run(  # noqa: S603 - ours
        [str(SCRIPT), *arguments],
        env={"PATH": f"{folder}:{os.defpath}:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_all_is_well(tmp_path: Path) -> None:
    done = check(tmp_path, *GOOD)
    assert done.returncode == 0, done
    assert [line.split(maxsplit=2) for line in done.stdout.splitlines()] == [
        ["ok", "facepass-facepass-1", "healthy"],
        ["ok", "facepass-migrate-1", "done"],
        ["ok", "facepass-rclone-1", "runs, has no check"],
    ]


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (("facepass-worker-1", "running", "unhealthy", 0, "unless-stopped"), "unhealthy"),
        (("facepass-worker-1", "running", "starting", 0, "unless-stopped"), "starting"),
        (("facepass-worker-1", "restarting", "unhealthy", 1, "unless-stopped"), "restarting"),
        (("facepass-worker-1", "exited", "none", 0, "unless-stopped"), "ended with 0"),
        (("facepass-migrate-1", "exited", "none", 1, "on-failure"), "ended with 1"),
        (("facepass-worker-1", "dead", "none", 0, "no"), "dead"),
    ],
)
def test_one_is_not(tmp_path: Path, row: Row, word: str) -> None:
    done = check(tmp_path, *GOOD, row)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
    assert line.split(maxsplit=2)[1:] == [row[0], word]
    assert "docker inspect" in done.stderr


def test_those_that_start_are_waited_for(tmp_path: Path) -> None:
    starting = ("facepass-facepass-1", "running", "starting", 0, "unless-stopped")
    done = check(tmp_path, starting, then=GOOD, WAIT_S="5")
    assert done.returncode == 0, done


def test_a_project_without_containers_is_not_well(tmp_path: Path) -> None:
    assert check(tmp_path).returncode == 1
    done = check(tmp_path, *GOOD, arguments=("another",))
    assert done.returncode == 1
    assert "no container of the project another" in done.stdout


def test_it_says_how_it_is_used(tmp_path: Path) -> None:
    done = check(tmp_path, arguments=("--help",))
    assert done.returncode == 2
    assert "scripts/docker_health_check.sh PROJECT" in done.stderr
