"""The units of `deploy/systemd` are valid, fenced in, and agree with one another and with what they start."""

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy" / "systemd"
SERVICES = ("facepass.service", "facepass-worker.service", "facepass-backup.service")
UNITS = (*SERVICES, "facepass-backup.timer")
EXPOSURE = 20
"""In tenths, as `--threshold` wants it; the units have 1.5."""
FENCES = {
    "User": ["facepass"],
    "NoNewPrivileges": ["yes"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["yes"],
    "PrivateTmp": ["yes"],
    "PrivateDevices": ["yes"],
    "ProtectKernelTunables": ["yes"],
    "ProtectKernelModules": ["yes"],
    "ProtectKernelLogs": ["yes"],
    "ProtectControlGroups": ["yes"],
    "ProtectProc": ["invisible"],
    "RestrictAddressFamilies": ["AF_INET AF_INET6 AF_UNIX"],
    "RestrictNamespaces": ["yes"],
    "RestrictSUIDSGID": ["yes"],
    "LockPersonality": ["yes"],
    "MemoryDenyWriteExecute": ["yes"],
    "SystemCallArchitectures": ["native"],
    "SystemCallFilter": ["@system-service", "~@privileged"],
    "UMask": ["0077"],
}


class Repeated(dict[str, object]):
    """Keeps every value of a key that stands several times, as systemd does."""

    def __setitem__(self, key: str, value: object) -> None:
        if isinstance(value, list) and isinstance(self.get(key), list):
            self[key].extend(value)  # type: ignore[attr-defined]  # a list, by the line before
        else:
            super().__setitem__(key, value)


def unit(name: str) -> dict[str, dict[str, list[str]]]:
    parser = configparser.RawConfigParser(dict_type=Repeated, strict=False, delimiters=("=",), comment_prefixes="#;")
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as the module's manual says
    parser.read_string((FOLDER / name).read_text(encoding="utf-8"))
    return {section: {key: value.split("\n") for key, value in parser.items(section)} for section in parser.sections()}


def only(name: str, key: str, section: str = "Service") -> str:
    (value,) = unit(name)[section][key]
    return value


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_fenced_in(name: str) -> None:
    service = unit(name)["Service"]
    assert {key: service.get(key) for key in FENCES} == FENCES
    assert "RemoveIPC" not in service  # would take the embedded PostgreSQL's memory from another service


@pytest.mark.parametrize("name", SERVICES)
def test_settings_come_from_where_the_document_says(name: str) -> None:
    service = unit(name)["Service"]
    assert service["EnvironmentFile"][0] == "/etc/facepass/facepass.env"
    assert only(name, "WorkingDirectory") == "/var/lib/facepass"
    manual = (ROOT / "docs" / "bare-machine.md").read_text(encoding="utf-8")
    assert all(f"{path}" in manual for path in ("/etc/facepass/facepass.env", "DATA_DIR=/var/lib/facepass"))


@pytest.mark.parametrize("name", SERVICES)
def test_what_is_started_exists(name: str) -> None:
    program, *arguments = only(name, "ExecStart").split()
    inside = program.removeprefix("/opt/facepass/")
    assert inside in {".venv/bin/facepass", "scripts/backup_database.sh"}
    if inside.startswith("scripts"):
        assert os.access(ROOT / inside, os.X_OK)
        assert arguments == ["${BACKUP_TO}"]
    else:
        assert arguments in (["serve"], ["worker"])
    document = only(name, "Documentation", "Unit").removeprefix("file:///opt/facepass/")
    assert (ROOT / document).is_file()


@pytest.mark.parametrize("name", ["facepass.service", "facepass-worker.service"])
def test_a_stop_has_time(name: str) -> None:
    assert int(only(name, "TimeoutStopSec")) >= 20 + 5  # SHUTDOWN_GRACE_S and what docs/replicas.md asks for
    assert only(name, "KillMode") == "mixed"
    assert only(name, "Restart") == "always"
    assert int(only(name, "LimitNOFILE")) >= 4096 + 1024


def test_the_timer_starts_the_backup_every_night() -> None:
    assert (FOLDER / "facepass-backup.timer").with_suffix(".service").name in SERVICES
    assert only("facepass-backup.timer", "OnCalendar", "Timer") == "*-*-* 03:15:00"
    assert only("facepass-backup.timer", "Persistent", "Timer") == "yes"
    assert only("facepass-backup.service", "Type") == "oneshot"


@pytest.fixture
def systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        pytest.skip("systemd-analyze is not installed")
    return found


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_them(name: str, systemd_analyze: str, tmp_path: Path) -> None:
    for each in UNITS:  # the programs are not installed here
        text = (FOLDER / each).read_text(encoding="utf-8")
        (tmp_path / each).write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    done = subprocess.run(  # noqa: S603 - systemd's own
        [systemd_analyze, "verify", "--man=no", str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if "facepass" in line]
    assert (done.returncode, ours) == (0, []), done.stderr


@pytest.mark.parametrize("name", SERVICES)
def test_systemd_finds_little_exposed(name: str, systemd_analyze: str) -> None:
    command = [
        systemd_analyze,
        "security",
        "--offline=true",
        "--no-pager",
        f"--threshold={EXPOSURE}",
        str(FOLDER / name),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - systemd's own
    if "nrecognized option" in done.stderr:
        pytest.skip("this systemd does not look at units that are not installed")
    assert done.returncode == 0, done.stdout.splitlines()[-1:]


def test_commands_run_as_the_service_does(tmp_path: Path) -> None:
    account = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S607 - of the system
    settings, program = tmp_path / "facepass.env", tmp_path / "program"
    settings.write_text("ENVIRONMENT=production\nAPP_NAME=with=signs\n")
    program.write_text('#!/bin/sh\npwd\necho "$ENVIRONMENT $APP_NAME"\nprintf "<%s>" "$@"\n')
    program.chmod(0o755)
    text = (FOLDER / "facepass").read_text(encoding="utf-8")
    replaced = {
        "account=facepass": f"account={account}",
        "settings=/etc/facepass/facepass.env": f"settings={settings}",
        "home=/var/lib/facepass": f"home={tmp_path}",
        "program=/opt/facepass/.venv/bin/facepass": f"program={program}",
    }
    for before, after in replaced.items():
        assert text.count(before) == 1
        text = text.replace(before, after)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(text)
    wrapper.chmod(0o755)
    done = subprocess.run([wrapper, "keys", "a b"], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    assert done.stdout == f"{tmp_path}\nproduction with=signs\n<keys><a b>"
