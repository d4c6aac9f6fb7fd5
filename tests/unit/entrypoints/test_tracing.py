"""Which settings make traces, and which are refused."""

import pytest

from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.configured_secrets import hidden_texts
from facepass.entrypoints.container import in_memory
from facepass.entrypoints.container.tracing import headers
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.http.middleware.tracing import UNTRACED

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def test_without_a_collector_ports_are_as_they_are() -> None:
    container = in_memory(load_settings({}))
    assert container.tracing() is None
    assert container.request_tracer() is UNTRACED
    ports = ("unit_of_work", "image_source", "decoder", "detector", "quality", "model", "models", "admission")
    for name in (*ports, "live_frames", "job_units"):
        assert "Traced" not in type(getattr(container, name)()).__name__, name


def test_with_one_all_of_them_have_spans() -> None:
    container = in_memory(load_settings(COLLECTOR))
    ports = ("unit_of_work", "image_source", "decoder", "detector", "quality", "model", "models", "admission")
    for name in (*ports, "live_frames", "job_units"):
        assert "Traced" in type(getattr(container, name)()).__name__, name


@pytest.mark.parametrize(
    "endpoint",
    ["collector:4318", "ftp://collector", "http://", "http://[", "http://collector?x=1", "http://u:p@collector:4318"],
)
def test_an_address_that_is_none_is_refused_without_being_repeated(endpoint: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        load_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint})
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in told.value.detail
    assert "u:p" not in told.value.detail


def test_a_share_is_a_share() -> None:
    assert load_settings(COLLECTOR).tracing.otel_traces_sampler_arg == 0.1
    with pytest.raises(ConfigurationError, match="OTEL_TRACES_SAMPLER_ARG"):
        load_settings({"OTEL_TRACES_SAMPLER_ARG": "1.5"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("Authorization=Basic%20YWJj", {"authorization": "Basic YWJj"}),
        ("a=1, b = 2,", {"a": "1", "b": "2"}),
        ("a=x=y", {"a": "x=y"}),
        ("nonsense,=1,a=", {}),
    ],
)
def test_headers(text: str, expected: dict[str, str]) -> None:
    assert headers(text) == expected


def test_what_headers_hold_is_hidden_however_it_is_spelt() -> None:
    given = "x-key=secret%20of%20the%20collector,y=another-secret"
    hidden = {*hidden_texts(load_settings({**COLLECTOR, "OTEL_EXPORTER_OTLP_HEADERS": given}))}
    assert hidden >= {given, "secret%20of%20the%20collector", "secret of the collector", "another-secret"}
