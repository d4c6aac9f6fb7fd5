"""`scripts/health_check.sh` says of real services how they are, and of what is none that it is none."""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.http.process_support import free_port

KEY = secrets.token_urlsafe(32)
SCRIPT = Path(__file__).parents[3] / "scripts" / "health_check.sh"
PROGRAM = f"""
import secrets, sys
from dependency_injector import providers
from facepass.adapters.memory.readiness import AlwaysReady
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.container.outages import database_dependency, redis_dependency
from facepass.entrypoints.serve import serve
from facepass.entrypoints.settings import Application, Secret, Security, Server, Settings
from tests.integration.http.support import Unreachable
port, away, environment = int(sys.argv[1]), sys.argv[2].split(","), sys.argv[3]
made = {{name: (Secret(secrets.token_urlsafe(32)),) for name in ("secret_key", "jwt_secret_key")}}
settings = Settings(
    application=Application(environment=environment),
    server=Server(api_port=port),
    security=Security(api_keys=(Secret({KEY!r}),), search_access="token", **made),
)
container = in_memory(settings)
ready = lambda name: Unreachable() if name in away else AlwaysReady()
container.outside.override(providers.Object({{
    "database": database_dependency(ready("database"), None), "redis": redis_dependency(ready("redis"), None),
}}))
serve(container, progress=lambda line: print(line, flush=True))
"""
Answers = dict[str, tuple[int, str]]
HEALTHY = (
    '{"status":"healthy","database":"connected","face_recognition_model":"loaded","version":"1","uptime_seconds":1}'
)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def check(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    done = subprocess.run(  # noqa: S603 - our own script
        [str(SCRIPT), *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@contextmanager
def service(away: str = "", environment: str = "development") -> Iterator[str]:
    """A real service, some of whose dependencies are out of reach."""
    port = free_port()
    with subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", PROGRAM, str(port), away, environment],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            assert "listens on" in process.stdout.readline()
            while check(f"http://127.0.0.1:{port}")[1].endswith("nothing listens there\n"):
                pass  # it says so just before the socket takes connections
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def something(answers: Answers) -> Iterator[str]:
    """A server that is no FacePass."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers.get(self.path, (404, ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_healthy_service() -> None:
    with service() as url:
        code, said, error = check(f"{url}/")
        assert (code, error) == (0, "")
        assert said.startswith(f"HEALTHY: {url}, version ")
        assert said.endswith("database connected\n")


def test_a_degraded_service_says_what_it_is_without() -> None:
    with service("redis") as url:
        code, said, error = check(url)
        assert (code, error) == (1, "")
        assert said.startswith(f"DEGRADED: {url}")
        assert "redis is out of reach: Rate limits are not kept: every call is admitted" in said
        assert "database is" not in said


def test_a_service_without_its_database_is_down() -> None:
    with service("database,redis") as url:
        code, said, _ = check(url)
        assert code == 2
        assert said.startswith("DOWN: unhealthy, database unreachable\n")
        assert "database is out of reach: Indexing and searching answer 503" in said
        assert "redis is out of reach" in said


def test_in_production_what_is_away_is_told_to_those_with_a_key() -> None:
    with service("redis", "production") as url:
        code, said, _ = check(url)
        assert code == 1
        assert "set FACEPASS_CLIENT_KEY" in said
        code, said, _ = check(url, FACEPASS_CLIENT_KEY=KEY)
        assert code == 1
        assert "redis is out of reach" in said


def test_nothing_listens() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert check(url) == (2, f"DOWN: {url}/health: nothing listens there\n", "")


def test_a_name_that_nobody_knows() -> None:
    code, said, _ = check("https://nowhere.invalid", TIMEOUT_S="2")
    assert code == 2
    assert "its name is not known" in said or "did not answer within 2 s" in said  # by what resolves names here


def test_a_server_that_stays_silent() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert check(url, TIMEOUT_S="1") == (2, f"DOWN: {url}/health: it did not answer within 1 s\n", "")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "answers 404: is this the address of a FacePass?"),
        ({"/health": (301, "")}, "answers 301, a redirect"),
        ({"/health": (200, "<html>fine</html>")}, "answers 200, but not as a FacePass does"),
        ({"/health": (200, '{"status":"healthy"}')}, "but not as a FacePass does"),
        ({"/health": (200, HEALTHY)}, "it answers, but is not ready (404)"),
        ({"/health": (503, HEALTHY.replace("healthy", "stopping", 1))}, "it is stopping"),
        ({"/health": (200, HEALTHY.replace("healthy", "odd", 1))}, "it says 'odd', which this script does not know"),
    ],
)
def test_what_is_not_a_service_that_is_up(answers: Answers, why: str) -> None:
    with something(answers) as url:
        code, said, _ = check(url)
        assert code == 2
        assert said.startswith("DOWN: ")
        assert why in said


def test_the_key_stands_in_no_list_of_processes(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    curl = tmp_path / "curl"
    curl.write_text(f'#!/bin/sh\necho "$@" >> {seen}\nexec {shutil.which("curl")} "$@"\n')
    curl.chmod(0o755)
    degraded = HEALTHY.replace("healthy", "degraded", 1)
    with something({"/health": (200, degraded), "/health/ready": (200, degraded)}) as url:
        code, _, _ = check(url, PATH=f"{tmp_path}:{os.environ['PATH']}", FACEPASS_CLIENT_KEY="fp_abcdefgh_secret")
    assert code == 1
    assert "/health/detailed" in seen.read_text()
    assert "secret" not in seen.read_text()


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("a", "b"), {}),
        (("127.0.0.1:8000",), {}),
        (("ftp://x",), {}),
        ((), {"TIMEOUT_S": "soon"}),
        ((), {"TIMEOUT_S": "0"}),
    ],
)
def test_a_wrong_call_is_no_verdict(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    code, said, error = check(*arguments, **environment)
    assert (code, said) == (64, "")
    assert error


@pytest.fixture
def linted() -> Callable[[Path], str]:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    return lambda path: subprocess.run([shellcheck, str(path)], capture_output=True, text=True, check=False).stdout  # noqa: S603 - ours


@pytest.mark.parametrize("script", sorted(SCRIPT.parent.glob("*.sh")), ids=lambda path: path.name)
def test_scripts_are_sound(script: Path, linted: Callable[[Path], str]) -> None:
    assert linted(script) == ""
