"""A short form of `make fuzz`: a real service against its own OpenAPI document, all of schemathesis' checks on."""

from pathlib import Path

from tests.fuzz import api

EXAMPLES = 5


async def test_the_service_keeps_to_its_document(onnx_models_dir: Path) -> None:
    assert await api.run(examples=EXAMPLES, number=1, models_dir=onnx_models_dir) == 0
