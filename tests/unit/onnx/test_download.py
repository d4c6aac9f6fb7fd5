"""Models from their publisher: what arrives is checked, and what goes wrong on the way leaves nothing."""

import errno
import zipfile
from pathlib import Path

import httpx
import msgspec
import pytest

from facepass.adapters.onnx.embedded import workspace as workspaces
from facepass.adapters.onnx.registry.download import make_client
from facepass.adapters.onnx.registry.install import Installer
from facepass.domain.errors import ConfigurationError, DependencyUnavailable
from tests.unit.onnx.graphs import manifest_of, save, sha256
from tests.unit.onnx.installing import MODEL, URL, answering, contents, describe, install


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


class TestFromThePublisher:
    def test_the_file_comes_through_redirects(self, models_dir: Path) -> None:
        told: list[tuple[int, int | None]] = []

        def answer(request: httpx.Request) -> httpx.Response:
            if request.url == URL:
                return httpx.Response(302, headers={"Location": "https://cdn.example.org/blob"})
            return httpx.Response(200, content=MODEL)

        registry = describe(models_dir, manifest_of(MODEL, url=URL))
        installer = Installer(
            registry,
            progress=lambda _: None,
            transferred=lambda done, total: told.append((done, total)),
            client=answering(answer),
        )
        assert installer.install("mine", source=None, accept_licence=False).fetched
        assert told[-1] == (len(MODEL), len(MODEL))

    def test_the_member_of_an_archive(self, models_dir: Path, tmp_path: Path) -> None:
        archive = tmp_path / "pack.zip"
        with zipfile.ZipFile(archive, "w") as pack:
            pack.writestr("w600k.onnx", MODEL)
        registry = describe(models_dir, manifest_of(MODEL, url="https://example.org/pack.zip", member="w600k.onnx"))
        assert install(registry, answer=lambda _: httpx.Response(200, content=archive.read_bytes())).fetched
        assert (models_dir / "mine.onnx").read_bytes() == MODEL

    @pytest.mark.parametrize(
        ("response", "error", "why"),
        [
            (httpx.Response(302, headers={"Location": "http://example.org/x"}), ConfigurationError, "without https"),
            (httpx.Response(302, headers={"Location": URL}), ConfigurationError, "more than 5 times"),
            (httpx.Response(404), ConfigurationError, "answers 404"),
            (httpx.Response(503), DependencyUnavailable, "answers 503"),
            (httpx.Response(429), DependencyUnavailable, "answers 429"),
            (httpx.Response(200, content=bytes(4_000_000)), ConfigurationError, "sends more than"),
            (httpx.Response(200, stream=httpx.ByteStream(bytes(4_000_000))), ConfigurationError, "sends more than"),
            (httpx.Response(200, content=b"<html>"), ConfigurationError, "SHA-256"),
            (httpx.ConnectError("no route"), DependencyUnavailable, "out of reach .no route.*--from"),
            (httpx.ReadTimeout("slow"), DependencyUnavailable, "does not answer in time"),
        ],
    )
    def test_what_goes_wrong_leaves_nothing(
        self, models_dir: Path, response: httpx.Response | httpx.HTTPError, error: type[Exception], why: str
    ) -> None:
        def answer(_: httpx.Request) -> httpx.Response:
            if isinstance(response, httpx.Response):
                return response
            raise response

        registry = describe(models_dir, manifest_of(MODEL, url=URL))
        before = contents(models_dir)
        with pytest.raises(error, match=why):
            install(registry, answer=answer)
        assert contents(models_dir) == before

    def test_an_interruption_leaves_nothing(self, models_dir: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL, url=URL))
        before = contents(models_dir)

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        installer = Installer(
            registry,
            progress=lambda _: None,
            transferred=interrupted,
            client=answering(lambda _: httpx.Response(200, content=MODEL)),
        )
        with pytest.raises(KeyboardInterrupt):
            installer.install("mine", source=None, accept_licence=False)
        assert contents(models_dir) == before

    def test_what_a_killed_process_left_is_removed(self, models_dir: Path, tmp_path: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL))
        abandoned = models_dir / f"{workspaces.FOLDER_PREFIX}abandoned"
        abandoned.mkdir()
        save(abandoned, "half.onnx", MODEL[:100])
        install(registry, source=save(tmp_path, "m.onnx", MODEL))
        assert not abandoned.exists()

    def test_too_little_space_is_said_beforehand(self, models_dir: Path) -> None:
        mine = manifest_of(MODEL, url=URL)
        greedy = msgspec.structs.replace(mine, source=msgspec.structs.replace(mine.source, megabytes=1e12))
        registry = describe(models_dir, greedy)
        with pytest.raises(ConfigurationError, match="No space for models"):
            install(registry)

    def test_a_disk_that_fills_up_is_called_so(self, models_dir: Path) -> None:
        with pytest.raises(ConfigurationError, match="No space is left"), workspaces.storage_errors(models_dir):
            raise OSError(errno.ENOSPC, "No space left on device")

    def test_a_manifest_without_an_address_says_how(self, models_dir: Path) -> None:
        registry = describe(models_dir, manifest_of(MODEL))
        with pytest.raises(ConfigurationError, match="--from FILE"):
            install(registry)
        save(models_dir, "mine.onnx", b"another file")
        with pytest.raises(ConfigurationError, match=sha256(b"another file")):
            install(registry)

    def test_the_client_goes_nowhere_by_itself(self) -> None:
        with make_client() as client:
            assert not client.follow_redirects
            assert client.timeout.connect is not None
            assert client.timeout.read is not None
