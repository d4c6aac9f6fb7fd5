"""The variants of the chart, one test after the other."""

import pytest

from tests.integration.kubernetes.support import VARIANTS, Manifests, made


@pytest.fixture(params=sorted(VARIANTS))
def variant(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def manifests(variant: str) -> Manifests:
    """What the chart makes of a variant."""
    return made(variant)
