"""`facepass models install` from an https server, as a process: certificates, redirects, and being killed half-way."""

import http.server
import json
import shutil
import signal
import ssl
import subprocess
import sys
import threading

import pytest

from facepass.adapters.onnx.registry.manifest import encode_manifest
from tests.integration.cli.conftest import TIMEOUT_S
from tests.unit.onnx.graphs import arcface_like, manifest_of

MODEL = arcface_like()
REFUSED, CONFIGURATION, UNAVAILABLE = 1, 3, 4


class Publisher(http.server.BaseHTTPRequestHandler):
    """Answers for a model; what is on its way when `hold` is set stays there until it is not."""

    hold = threading.Event()
    under_way = threading.Event()

    def do_GET(self):
        if self.path == "/moved.onnx":
            self.send_response(302)
            self.send_header("Location", "/mine.onnx")
            self.end_headers()
            return
        if self.path == "/gone.onnx":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(MODEL)))
        self.end_headers()
        self.wfile.write(MODEL[:1000])
        self.wfile.flush()
        self.under_way.set()
        if self.path == "/slow.onnx":
            self.hold.wait(TIMEOUT_S)
        self.wfile.write(MODEL[1000:])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for this machine's loopback address, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(  # noqa: S603 constant arguments
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
        ],
        check=True,
        capture_output=True,
        timeout=TIMEOUT_S,
    )
    return folder


@pytest.fixture
def publisher(certificate):
    """Its address."""
    Publisher.hold.clear()
    Publisher.under_way.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Publisher)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_address[1]}"
    finally:
        Publisher.hold.set()
        server.shutdown()
        server.server_close()
        thread.join(TIMEOUT_S)


@pytest.fixture
def models_folder(tmp_path):
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


@pytest.fixture
def variables(models_folder, certificate):
    return {"MODELS_DIR": models_folder, "SSL_CERT_FILE": certificate / "cert.pem", "NO_PROXY": "localhost"}


def describe(models_folder, url):
    (models_folder / "mine.toml").write_bytes(encode_manifest(manifest_of(MODEL, url=url)))


def test_a_model_is_fetched_checked_and_put_in_place(facepass, models_folder, publisher, variables):
    describe(models_folder, f"{publisher}/moved.onnx")
    done = facepass("models", "install", "mine", "--json", **variables)
    verified = facepass("models", "verify", "mine", "--json", **variables)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["fetched"]
    assert publisher in done.stderr
    assert (models_folder / "mine.onnx").read_bytes() == MODEL
    assert verified.returncode == 0, verified.stdout


def test_a_publisher_without_the_file_or_without_a_trusted_name(facepass, models_folder, publisher, variables):
    describe(models_folder, f"{publisher}/gone.onnx")
    gone = facepass("models", "install", "mine", **variables)
    unknown = facepass("models", "install", "mine", **{name: variables[name] for name in ("MODELS_DIR", "NO_PROXY")})
    describe(models_folder, "https://localhost:1/mine.onnx")
    silent = facepass("models", "install", "mine", **variables)

    assert (gone.returncode, unknown.returncode, silent.returncode) == (CONFIGURATION, UNAVAILABLE, UNAVAILABLE)
    assert "404" in gone.stderr
    assert "certificate" in unknown.stderr.lower()
    assert "--from" in silent.stderr
    assert {path.name for path in models_folder.iterdir()} == {".lock", "mine.toml"}


def test_being_killed_half_way_leaves_no_model_and_the_next_run_cleans_up(  # noqa: PLR0917 fixtures
    facepass, environment, models_folder, publisher, variables, tmp_path
):
    describe(models_folder, f"{publisher}/slow.onnx")
    process = subprocess.Popen(
        [sys.executable, "-m", "facepass", "models", "install", "mine"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment | {name: str(value) for name, value in variables.items()},
    )
    assert Publisher.under_way.wait(TIMEOUT_S)
    process.send_signal(signal.SIGKILL)
    process.wait(TIMEOUT_S)
    left = {path.name for path in models_folder.iterdir()}
    listed = facepass("models", "list", "--json", **variables)

    assert "mine.onnx" not in left
    assert any(name.startswith(".fetch-") for name in left)
    assert {one["name"]: one["state"] for one in json.loads(listed.stdout)}["mine"] == "missing"

    Publisher.hold.set()
    done = facepass("models", "install", "mine", **variables)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in models_folder.iterdir()} == {".lock", "mine.toml", "mine.onnx", "mine.golden.json"}
