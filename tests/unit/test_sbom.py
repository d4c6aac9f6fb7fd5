"""The bill of materials names the models that every installation prepares."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "sbom.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    found = importlib.util.spec_from_file_location("sbom", SCRIPT)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_models_of_the_default_stand_in_it_with_their_licences(script: ModuleType) -> None:
    components = {component["name"]: component for component in script.models()}
    assert components.keys() == {"dlib-resnet29-fp32", "dlib-resnet29-int8", "retinaface-mnet025"}
    for component in components.values():
        assert component["type"] == "machine-learning-model"
        assert component["licenses"][0]["license"]["id"] in {"CC0-1.0", "MIT", "Apache-2.0"}


def test_a_bill_with_them_follows_the_specification(script: ModuleType) -> None:
    schema = pytest.importorskip("cyclonedx.schema")
    validation = pytest.importorskip("cyclonedx.validation.json")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_6)

    def bill(components: list[dict[str, object]]) -> str:
        return json.dumps({"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": components})

    assert validator.validate_str(bill(script.models())) is None
    broken = [{**component, "type": "network"} for component in script.models()]
    assert validator.validate_str(bill(broken)) is not None
