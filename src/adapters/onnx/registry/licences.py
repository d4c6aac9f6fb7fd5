"""Licences that do not allow commercial use: accepted by a person, once a model, on record in MODELS_DIR."""

from pathlib import Path

import msgspec

from facepass.adapters.onnx.embedded.workspace import put
from facepass.adapters.onnx.registry.manifest import Manifest
from facepass.domain.errors import ConfigurationError

LICENCES_FILE = "accepted-licences.json"


def accepted_licences(models_dir: Path) -> dict[str, str]:
    """Names of models whose licence was accepted with `--accept-license`, each with the licence as it was called.

    Raises:
        ConfigurationError: the record cannot be read.
    """
    path = models_dir / LICENCES_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}. Delete it, and accept again.") from error


def record_acceptance(models_dir: Path, manifest: Manifest) -> None:
    """Note that the model's licence was accepted here. The caller holds the workspace.

    Raises:
        ConfigurationError: the record cannot be read.
        OSError: it cannot be written.
    """
    licences = accepted_licences(models_dir) | {manifest.name: manifest.licence.name}
    put(models_dir / LICENCES_FILE, msgspec.json.format(msgspec.json.encode(licences, order="sorted"), indent=1))


def withdraw_acceptance(models_dir: Path, name: str) -> None:
    """Forget that the licence of a model was accepted here. The caller holds the workspace.

    Raises:
        ConfigurationError: the record cannot be read.
        OSError: it cannot be written.
    """
    licences = accepted_licences(models_dir)
    if licences.pop(name, None) is not None:
        put(models_dir / LICENCES_FILE, msgspec.json.format(msgspec.json.encode(licences, order="sorted"), indent=1))


def refusal(manifest: Manifest, how: str) -> ConfigurationError:
    """What is said where a licence has to be accepted first.

    Args:
        manifest: of the model.
        how: the command that would install it.
    """
    return ConfigurationError(
        f"The licence of {manifest.name} does not allow commercial use: {manifest.licence.name}, "
        f"{manifest.licence.url}. Where that is no hindrance, accept it: {how} --accept-license, "
        f"or ACCEPT_MODEL_LICENSE={manifest.name}."
    )
