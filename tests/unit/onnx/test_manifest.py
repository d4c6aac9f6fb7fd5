"""Manifests: what ships is right, what is written is read back, what is wrong is named with its file and field."""

from pathlib import Path

import msgspec
import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.onnx.registry.manifest import (
    CalibrationRecord,
    DetectorManifest,
    GoldenFace,
    InputLayout,
    Licence,
    RecogniserManifest,
    Source,
    Template,
    encode_manifest,
    parse_manifest,
)
from facepass.adapters.onnx.registry.registry import Registry
from facepass.domain.errors import ConfigurationError
from tests.unit.onnx.graphs import arcface_like, manifest_of

names = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,20}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
positive = st.floats(1e-3, 1e6)
licences = st.builds(Licence, name=texts, url=texts, commercial_use=st.booleans())
sources = st.builds(
    Source,
    megabytes=positive,
    sha256=st.text("0123456789abcdef", min_size=64, max_size=64),
    url=st.none() | texts.map("https://example.org/{}".format),
    member=st.none() | texts,
    package=st.none() | texts,
)
detectors = st.builds(
    DetectorManifest,
    name=names,
    title=texts,
    architecture=st.sampled_from(["retinaface", "yunet"]),
    source=sources,
    licence=licences,
    score_threshold=st.floats(0, 1),
    refine=st.booleans(),
    golden=st.none() | st.builds(GoldenFace, geometry=st.tuples(*[numbers] * 14), confidence=st.floats(0, 1)),
)
recognisers = st.integers(1, 6).flatmap(
    lambda dimension: st.builds(
        RecogniserManifest,
        name=names,
        title=texts,
        dimension=st.just(dimension),
        mirror=st.booleans(),
        source=sources,
        licence=licences,
        input=st.builds(
            InputLayout,
            colour=st.sampled_from(["RGB", "BGR"]),
            mean=st.tuples(*[numbers] * 3),
            deviation=st.tuples(*[positive] * 3),
        ),
        template=st.builds(
            Template,
            side=st.integers(16, 1024),
            points=st.lists(st.tuples(numbers, numbers), min_size=5, max_size=5, unique=True).map(tuple),
        ),
        calibration=st.builds(
            CalibrationRecord,
            operating_point=st.floats(-0.99, 0.99),
            slope=positive,
            basis=texts,
            people=st.integers(0, 10**6),
            pictures=st.integers(0, 10**6),
            date=st.dates().map(str),
        ),
        golden=st.none() | st.tuples(*[positive] * dimension),
    )
)


@given(manifest=detectors | recognisers)
def test_what_is_written_is_read_back(manifest: DetectorManifest | RecogniserManifest) -> None:
    assert parse_manifest(encode_manifest(manifest), origin="here") == manifest


def changed(field: str, value: object) -> str:
    """The TOML of a good manifest with one field changed, or taken out where `value` is None."""
    content = msgspec.to_builtins(manifest_of(arcface_like()))
    content = msgspec.json.decode(msgspec.json.encode(content))
    content["source"] = {name: inner for name, inner in content["source"].items() if inner is not None}
    *tables, name = field.split(".")
    table = content
    for one in tables:
        table = table[one]
    if value is None:
        del table[name]
    else:
        table[name] = value
    return tomli_w.dumps(content)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("role", None, "role"),
        ("role", "classifier", "role"),
        ("name", "Mine", "name"),
        ("name", "../mine", "name"),
        ("dimension", 0, "dimension"),
        ("dimension", "512", "dimension"),
        ("colour", "RGB", "colour"),
        ("source.sha256", "abc", "source.sha256"),
        ("source.sha256", None, "source.sha256"),
        ("source.url", "http://example.org/model.onnx", "source.url"),
        ("source.megabytes", 0, "source.megabytes"),
        ("source.package", "some==1.0", "source.package"),
        ("licence.commercial_use", None, "commercial_use"),
        ("input.colour", "GRB", "input.colour"),
        ("input.mean", [1.0, 2.0], "input.mean"),
        ("input.mean", [1.0, float("nan"), 1.0], "input.mean"),
        ("input.deviation", [1.0, 0.0, 1.0], "input.deviation"),
        ("template.side", 8, "template.side"),
        ("template.points", [[1.0, 2.0]] * 5, "template.points"),
        ("template.points", [[1.0, 2.0]] * 4, "template.points"),
        ("calibration.slope", -1.0, "calibration.slope"),
        ("calibration.operating_point", 1.5, "calibration.operating_point"),
        ("calibration.date", "2026-13-45", "calibration.date"),
        ("golden", [0.5], "golden"),
        ("golden", [0.0] * 16, "golden"),
    ],
)
def test_a_bad_field_is_named_with_its_file(tmp_path: Path, field: str, value: object, named: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(changed(field, value), encoding="utf-8")
    with pytest.raises(ConfigurationError) as refused:
        Registry(tmp_path)
    assert str(path) in refused.value.detail
    assert named in refused.value.detail


@pytest.mark.parametrize("content", [b"", b"name = ", b"\xff\xfe", b"[source"])
def test_what_is_no_toml_is_refused_with_its_file(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "mine.toml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"mine\.toml"):
        Registry(tmp_path)


def test_a_manifest_stands_alone_under_its_own_name(tmp_path: Path) -> None:
    mine = manifest_of(arcface_like())
    (tmp_path / "other.toml").write_bytes(encode_manifest(mine))
    with pytest.raises(ConfigurationError, match=r"name it mine\.toml"):
        Registry(tmp_path)
    (tmp_path / "other.toml").unlink()
    (tmp_path / "sface-2021dec.toml").write_bytes(encode_manifest(msgspec.structs.replace(mine, name="sface-2021dec")))
    with pytest.raises(ConfigurationError, match="sface-2021dec"):
        Registry(tmp_path)


def test_a_shipped_manifest_is_the_beginning_of_ones_own(tmp_path: Path) -> None:
    sface = Registry(tmp_path).recogniser("sface-2021dec")
    mine = parse_manifest(encode_manifest(sface).replace(b'"sface-2021dec"', b'"mine"'), origin="mine.toml")
    (tmp_path / "mine.toml").write_bytes(encode_manifest(mine))
    assert Registry(tmp_path).recogniser("mine").template == sface.template
    assert not Registry(tmp_path).shipped("mine")


@pytest.mark.parametrize(
    ("asked", "meant"),
    [("sface", "sface-2021dec"), ("SFACE-2021", "sface-2021dec"), ("dlib-resnet29-int", "dlib-resnet29-int8")],
)
def test_an_unknown_name_is_answered_with_near_ones(tmp_path: Path, asked: str, meant: str) -> None:
    with pytest.raises(ConfigurationError, match=f"Did you mean .*{meant}"):
        Registry(tmp_path).get(asked)
    with pytest.raises(ConfigurationError, match="auraface-v1"):
        Registry(tmp_path).get("nothing-like-it")
