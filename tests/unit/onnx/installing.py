"""What tests of installing models share."""

from collections.abc import Callable
from pathlib import Path

import httpx

from facepass.adapters.onnx.registry.install import Installed, Installer
from facepass.adapters.onnx.registry.manifest import DetectorManifest, RecogniserManifest, encode_manifest
from facepass.adapters.onnx.registry.registry import Registry
from tests.unit.onnx.graphs import arcface_like

MODEL = arcface_like()
URL = "https://example.org/models/mine-v1.onnx"


def describe(models_dir: Path, manifest: RecogniserManifest | DetectorManifest) -> Registry:
    (models_dir / f"{manifest.name}.toml").write_bytes(encode_manifest(manifest))
    return Registry(models_dir)


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Callable[[], httpx.Client]:
    return lambda: httpx.Client(transport=httpx.MockTransport(answer))


def unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"asked for {request.url}")


def install(
    registry: Registry,
    *,
    name: str = "mine",
    source: Path | None = None,
    accept: bool = False,
    answer: Callable[[httpx.Request], httpx.Response] = unreachable,
) -> Installed:
    installer = Installer(registry, progress=lambda _: None, transferred=lambda *_: None, client=answering(answer))
    return installer.install(name, source=source, accept_licence=accept)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != ".lock"}
