"""What runs the models of a configuration, found out by running one."""

from dataclasses import dataclass
from importlib import metadata

from facepass.adapters.onnx.runtime.probe import provider_in_force
from facepass.entrypoints.container import Container
from facepass.entrypoints.settings import Settings

RUNTIMES = ("onnxruntime-gpu", "onnxruntime")
"""Distributions that bring ONNX Runtime; only one of them should be installed."""


@dataclass(frozen=True, slots=True)
class DeviceInForce:
    """Where models run.

    Attributes:
        name: `cpu` or `cuda:N`.
        provider: the execution provider that a session on it uses.
        runtime: which distributions of ONNX Runtime are installed, with versions.
    """

    name: str
    provider: str
    runtime: tuple[str, ...]


def device_in_force(settings: Settings) -> DeviceInForce:
    """Run a small network where the settings say.

    Raises:
        ConfigurationError: the device is asked for and cannot be used; says what to install.
    """
    device = Container(settings=settings).device()
    return DeviceInForce(device.name, provider_in_force(device), installed_runtimes())


def installed_runtimes() -> tuple[str, ...]:
    """Name and version of each installed distribution of ONNX Runtime."""
    found = []
    for name in RUNTIMES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)
