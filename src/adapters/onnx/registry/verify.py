"""Looks at an installed model as if for the first time: its file, its licence, its graph, what it computes."""

from dataclasses import dataclass

from facepass.adapters.onnx.embedded.fetch import sha256_of
from facepass.adapters.onnx.registry.manifest import Manifest
from facepass.adapters.onnx.registry.registry import ModelState, Registry
from facepass.adapters.onnx.registry.trial import try_model
from facepass.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a model stands.

    Attributes:
        name: of the model.
        state: of its file and licence.
        golden_known: whether what it computes could be compared with a record.
        problem: what is wrong and, where it is not plain, what to do; None where nothing is.
    """

    name: str
    state: ModelState
    golden_known: bool
    problem: str | None


def verify(registry: Registry, manifest: Manifest) -> Verdict:
    """Check one model: digest, licence, graph and, for a face that is drawn here, what it computes of it.

    Raises:
        ConfigurationError: a record in MODELS_DIR cannot be read.
    """
    state, golden = registry.state(manifest), registry.golden(manifest)
    problem = None
    try:
        if state is ModelState.DAMAGED:
            found = sha256_of(registry.path(manifest))
            expected = registry.digest(manifest) or "one on record, as it is built here"
            problem = (
                f"The file of {manifest.name} has SHA-256 {found}, expected {expected}. {registry.remedy(manifest)}"
            )
        else:
            try_model(manifest, registry.require(manifest), golden)
    except ConfigurationError as error:
        problem = error.detail
    return Verdict(manifest.name, state, golden is not None, problem)
