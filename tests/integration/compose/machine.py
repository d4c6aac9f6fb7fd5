"""Containers of the compose files as processes: started in the order that the files ask for, ended by process id."""

import os
import random
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from facepass.adapters.embedded_postgres.account import Account, server_account
from facepass.adapters.embedded_postgres.binaries import program_folder
from tests.integration.compose import postgres_image
from tests.integration.compose.model import FACEPASS_IMAGE, Container, our_image
from tests.integration.compose.programs import PATHS, SYSTEM_PATH, TABLE, Program, make_programs, rewritten
from tests.integration.compose.running import START_TIMEOUT_S, Running, wait_for

STOP_TIMEOUT_S = 40.0
Change = tuple[str, str]


class Machine:
    """A folder, a network of loopback addresses, and what runs there.

    Args:
        folder: of everything; as root another account must be able to enter it.
        containers: all of them, by name.
        models: prepared ones: the image has them inside.
        changes: of configuration files, beyond the table's, by the name of the container: pattern and replacement.
    """

    def __init__(
        self, folder: Path, containers: Mapping[str, Container], models: Path, changes: Mapping[str, Sequence[Change]]
    ) -> None:
        self.folder = folder
        self.containers = containers
        self.running: dict[str, Running] = {}
        self._models = models
        self._changes = changes
        net = f"127.{random.randint(16, 250)}.{random.randint(0, 250)}"  # noqa: S311 - so that two runs do not meet
        self.addresses = {name: f"{net}.{number}" for number, name in enumerate(sorted(containers), start=2)}
        self.account: Account = server_account(folder / "of-nobody-yet")
        programs = folder / "programs"
        programs.mkdir()
        self.postgres = program_folder(folder, self.account)
        make_programs(programs, self.postgres)
        self.path = f"{programs}:{SYSTEM_PATH}"

    def left_out(self) -> dict[str, str]:
        """Containers that cannot be run here, and why."""
        return {name: why for name, each in self.containers.items() if (why := TABLE[each.image].why_not)}

    def up(self, *, without: Sequence[str] = ()) -> None:
        """Start all that can be, each after what it depends on is as its file wants it."""
        waiting = {name: each for name, each in self.containers.items() if name not in {*self.left_out(), *without}}
        while waiting:
            ready = [name for name, each in waiting.items() if not (set(each.after) & set(waiting))]
            assert ready, f"these wait for one another: {sorted(waiting)}"
            for name in ready:
                for other, condition in waiting.pop(name).after.items():
                    self.await_condition(other, condition)
                self.start(name)
        for name, each in self.running.items():
            if each.container.raw.get("restart", "").startswith("on-failure"):
                self.await_condition(name, "service_completed_successfully")
            else:
                self.await_condition(name, "service_healthy")

    def await_condition(self, name: str, condition: str) -> None:
        """Wait for what `depends_on` asks of another container."""
        if name not in self.running:
            return
        one = self.running[name]
        assert one.process is not None
        if condition == "service_completed_successfully":
            assert one.process.wait(START_TIMEOUT_S) == 0, one.log
        elif condition == "service_healthy":

            def healthy() -> bool:
                assert one.process is not None
                assert one.process.poll() is None, one.log
                return self.check_health(name).returncode == 0

            wait_for(healthy, lambda: f"{one.log}\n{self.check_health(name)}")

    def start(self, name: str) -> Running:
        """Start one as its file says; the image's own part of it comes before."""
        container = self.containers[name]
        program = TABLE[container.image]
        folder = self.folder / "containers" / name
        one = Running(container, program, self.addresses[name], folder, self._environment(container, folder))
        if not folder.exists():
            self._unpack(one)
        command = [self._rewritten(each, one) for each in self._command(container, program)]
        is_server = container.image == postgres_image.IMAGE and command[0] == "postgres"
        if is_server:
            postgres_image.prepare(one, self.postgres, self.account)
        with (folder / "log").open("ab") as log:
            one.process = subprocess.Popen(  # noqa: S603 - of the files under test
                [self._which(command[0]), *command[1:]],
                env=dict(one.environment),
                cwd=folder / "tmp",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **(self.account.run_as if container.image == postgres_image.IMAGE else {}),
            )
        self.running[name] = one
        if is_server:
            postgres_image.create_database(one)
        return one

    def check_health(self, name: str) -> "subprocess.CompletedProcess[str]":
        """Run its health check: what Docker would run inside."""
        one = self.running[name]
        of_image = our_image().health if one.container.image == FACEPASS_IMAGE else ()
        test = () if one.container.health is None or one.program.other_health else one.container.health or of_image
        if not test:
            test = ("CMD", "true")
        kind, *arguments = test
        return self.run_in(name, *(("sh", "-c", *arguments) if kind == "CMD-SHELL" else arguments))

    def run_in(self, name: str, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as `docker compose exec` does."""
        one = self.running[name]
        program, *arguments = [self._rewritten(each, one) for each in command]
        return subprocess.run(  # noqa: S603 - of the files under test
            [self._which(program), *arguments],
            env={**one.environment, "VALKEY_HOST": one.address},
            cwd=one.folder / "tmp",
            capture_output=True,
            text=True,
            check=False,
            timeout=START_TIMEOUT_S,
            **(self.account.run_as if one.container.image == postgres_image.IMAGE else {}),
        )

    def stop(self, name: str) -> int:
        """End it as Docker does; its exit status."""
        process = self.running[name].process
        assert process is not None
        process.terminate()
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait(STOP_TIMEOUT_S)

    def kill(self, name: str) -> None:
        """End it as the kernel would."""
        process = self.running[name].process
        assert process is not None
        process.kill()
        process.wait(STOP_TIMEOUT_S)

    def down(self) -> None:
        """End everything, last started first."""
        for name in reversed(self.running):
            self.stop(name)

    def _command(self, container: Container, program: Program) -> tuple[str, ...]:
        if container.image == FACEPASS_IMAGE:
            return container.entrypoint + (container.command or our_image().command)
        entrypoint = container.entrypoint or program.entrypoint
        return (*entrypoint, *container.command, *program.arguments)

    def _environment(self, container: Container, folder: Path) -> dict[str, str]:
        image = dict(our_image().environment) if container.image == FACEPASS_IMAGE else {}
        if container.image == postgres_image.IMAGE:
            image = {"PGDATA": postgres_image.DATA}
        own, names = self.addresses[container.name], self.addresses
        environment = {
            name: names[value] if name.endswith("HOST") and value in names else rewritten(value, names, own, folder)
            for name, value in {**image, **container.environment}.items()
        }
        if "MODELS_DIR" in environment:
            environment["MODELS_DIR"] = str(self._models)
        return {**environment, "PATH": self.path, "LC_ALL": "C.UTF-8"}

    def _rewritten(self, text: str, one: Running) -> str:
        return rewritten(text.replace("{address}", one.address), self.addresses, one.address, one.folder)

    def _which(self, program: str) -> str:
        return shutil.which(program, path=self.path) or program

    def _unpack(self, one: Running) -> None:
        """Make its root: files copied and rewritten, volumes shared with whoever else has them."""
        for target, volume in one.container.volumes.items():
            shared, link = self.folder / "volumes" / volume, one.folder / target.lstrip("/")
            shared.mkdir(parents=True, exist_ok=True)
            shared.chmod(0o1777)  # as images have it that open their folder to whatever user they are run as
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(shared)
        for path in PATHS:
            (one.folder / path.lstrip("/")).mkdir(parents=True, exist_ok=True)
        if one.container.image == FACEPASS_IMAGE:
            (one.folder / "data" / "tmp").mkdir(exist_ok=True)
        for target, source in one.container.files.items():
            self._copy(source, one.folder / target.lstrip("/"), one)
        if one.container.image == postgres_image.IMAGE:
            for path in (
                one.folder,
                *one.folder.rglob("*"),
                *(one.folder / t.lstrip("/") for t in one.container.volumes),
            ):
                os.chown(path, self.account.uid, self.account.gid)

    def _copy(self, source: Path, target: Path, one: Running) -> None:
        if source.is_dir():
            for each in source.rglob("*"):
                if each.is_file():
                    self._copy(each, target / each.relative_to(source), one)
            return
        text = source.read_text(encoding="utf-8")
        for pattern, replacement in (*one.program.changes, *self._changes.get(one.container.name, ())):
            text = re.sub(pattern, replacement, text)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(self._rewritten(text, one), encoding="utf-8")


@contextmanager
def machine(
    containers: Mapping[str, Container], models: Path, changes: Mapping[str, Sequence[Change]] | None = None
) -> Iterator[Machine]:
    """A machine, and the end of all that runs on it."""
    folder = Path(tempfile.mkdtemp(prefix="facepass-compose-"))
    folder.chmod(0o755)  # the database runs as another user when this one is root
    made = None
    try:
        made = Machine(folder, containers, models, changes or {})
        yield made
    finally:
        if made is not None:
            made.down()
        shutil.rmtree(folder)
