"""Bad parameters: 400 naming every wrong field, and nothing stored."""

import json
import re

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facepass.entrypoints.container import Container
from tests.integration.http.support import (
    HEADERS,
    V1,
    api,
    counts,
    form,
    fresh,
    problem,
    scene,
    search,
    wrong_fields,
)

BAD_IDS = ["", "x" * 300, "a\x00b"]
BAD_THRESHOLDS = [
    "2",
    "-0.01",
    "1.0000001",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "1e999",
    "",
    " 0.5",
    "0,5",
    "0x1",
    "١",
    "null",
]
BAD_LIMITS = ["0", "1001", "-1", "1.5", "1e2", "", "ten", "٣", "9" * 40]


async def post_form(client: httpx.AsyncClient, path: str, parts: list[tuple[str, bytes]]) -> httpx.Response:
    content, headers = form(parts)
    return await client.post(V1 + path, content=content, headers={**headers, **HEADERS})


@pytest.mark.property
@given(
    wrong=st.fixed_dictionaries(
        {},
        optional={
            "threshold": st.sampled_from(BAD_THRESHOLDS)
            | st.floats().filter(lambda value: not 0 <= value <= 1).map(repr),
            "limit": st.sampled_from(BAD_LIMITS) | st.integers().filter(lambda n: not 1 <= n <= 1000).map(str),
            "on_multiple": st.text(max_size=10).filter(lambda text: text not in {"largest", "error"}),
            "session_id": st.sampled_from(BAD_IDS),
        },
    ).filter(bool)
)
@settings(max_examples=60, deadline=None)
async def test_property_14_search_names_every_wrong_field(wrong: dict[str, str]) -> None:
    parts = {"session_id": "s", **wrong}
    async with api() as client:
        listed = [(name, value.encode("utf-8", "surrogatepass")) for name, value in parts.items()]
        assert wrong_fields(await post_form(client, "/search", [*listed, ("file", scene(1))])) == set(wrong)


@pytest.mark.property
@given(wrong=st.dictionaries(st.sampled_from(["session_id", "photo_id"]), st.sampled_from(BAD_IDS), min_size=1))
@settings(max_examples=12, deadline=None)
async def test_property_14_index_stores_nothing_for_wrong_fields(wrong: dict[str, str]) -> None:
    parts = {"session_id": "s", "photo_id": "p", **wrong}
    async with api() as client:
        container = fresh()
        listed = [(name, value.encode()) for name, value in parts.items()]
        assert wrong_fields(await post_form(client, "/index", [*listed, ("file", scene(1))])) == set(wrong)
    assert await counts(container, "s") is None


@pytest.mark.parametrize("given_parts", [[], [("file", scene(1)), ("s3_key", b"k")]], ids=["neither", "both"])
async def test_file_or_key(
    client: httpx.AsyncClient, container: Container, given_parts: list[tuple[str, bytes]]
) -> None:
    parts = [("session_id", b"s"), ("photo_id", b"p"), *given_parts]
    assert wrong_fields(await post_form(client, "/index", parts)) == {"file", "s3_key"}
    assert await counts(container, "s") is None


@pytest.mark.parametrize(
    ("path", "parts", "fields"),
    [
        ("/index", [("file", b"x")], {"session_id", "photo_id"}),
        ("/search", [], {"session_id", "file"}),
        ("/detect", [], {"file"}),
        ("/compare", [("file_a", b"x"), ("threshold", b"2")], {"file_b", "threshold"}),
        ("/detect", [("file", b"x"), ("extra", b""), ("limit", b"1")], {"extra", "limit"}),
        ("/search", [("session_id", b"s"), ("session_id", b"s"), ("file", b"x")], {"session_id"}),
        ("/search", [("session_id", b"s"), *[("file", b"x")] * 6], {"file"}),
        ("/detect", [("file", b"x"), ("file", b"y")], {"file"}),
        ("/search", [("session_id", b"\xff\xfe"), ("file", b"x")], {"session_id"}),
        ("/search", [("session_id", b"x" * 5000), ("file", b"x")], {"session_id"}),
        ("/index", [("session_id", b"s"), ("photo_id", b"p"), ("s3_key", b"k" * 1025)], {"s3_key"}),
        ("/index", [("session_id", b"s"), ("photo_id", b"p"), ("s3_key", b"")], {"s3_key"}),
    ],
)
async def test_every_wrong_field_is_named(
    client: httpx.AsyncClient, path: str, parts: list[tuple[str, bytes]], fields: set[str]
) -> None:
    assert wrong_fields(await post_form(client, path, parts)) == fields


@pytest.mark.parametrize("key", ["../secret", "/etc/passwd", "a/../../b"])
async def test_a_key_cannot_leave_its_root(client: httpx.AsyncClient, key: str) -> None:
    parts = [("session_id", b"s"), ("photo_id", b"p"), ("s3_key", key.encode())]
    assert wrong_fields(await post_form(client, "/index", parts)) == {"s3_key"}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("[]", {"body"}),
        ("{", {"body"}),
        ('"\\ud800"', {"body"}),
        ("{}", {"session_id", "photos"}),
        ('{"session_id": "s", "photos": []}', {"photos"}),
        ('{"session_id": "s", "photos": {}}', {"photos"}),
        ('{"session_id": null, "photos": [{}]}', {"session_id", "photos[0].photo_id", "photos[0].s3_key"}),
        ('{"session_id": "s", "photos": [1], "ids": []}', {"photos[0]", "ids"}),
        (
            '{"session_id": "", "photos": [{"photo_id": 7, "s3_key": "k"}, {"photo_id": "p", "s3_key": "", "x": 1}]}',
            {"session_id", "photos[0].photo_id", "photos[1].s3_key", "photos[1].x"},
        ),
        (
            '{"session_id": "s", "photos": [{"photo_id": "p", "s3_key": "k"}, {"photo_id": "p", "s3_key": "l"}]}',
            {"photos[1].photo_id"},
        ),
    ],
)
async def test_a_wrong_batch(client: httpx.AsyncClient, body: str, fields: set[str]) -> None:
    headers = {**HEADERS, "Content-Type": "application/json"}
    assert wrong_fields(await client.post(f"{V1}/index/batch", headers=headers, content=body)) == fields


async def test_a_batch_names_a_bounded_number_of_errors() -> None:
    async with api(batch_sync_max=1000) as client:
        body = {"session_id": "s", "photos": [{}] * 1000}
        answer = problem(await client.post(f"{V1}/index/batch", headers=HEADERS, json=body), 400, "invalid_request")
        assert len(answer["errors"]) == 50
        assert "and 1950 more" in answer["detail"]


@pytest.mark.parametrize("path", ["/index", "/search", "/detect", "/compare"])
@pytest.mark.parametrize(
    "content_type", [None, "application/json", "multipart/form-data", "application/x-www-form-urlencoded", "a/b; c"]
)
async def test_anything_but_a_form_is_refused(client: httpx.AsyncClient, path: str, content_type: str | None) -> None:
    headers = {**HEADERS, **({"Content-Type": content_type} if content_type else {})}
    assert wrong_fields(await client.post(V1 + path, headers=headers, content=b"{}")) == {"Content-Type"}


async def test_a_batch_must_be_json(client: httpx.AsyncClient) -> None:
    for content_type in ("text/plain", "application/json; charset=latin-1", ""):
        headers = {**HEADERS, "Content-Type": content_type}
        answer = await client.post(f"{V1}/index/batch", headers=headers, content=b"{}")
        assert wrong_fields(answer) == {"Content-Type"}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"--limit0\r\n",
        b'--limit0\r\nContent-Disposition: form-data; name="file"\r\n\r\nno end',
        b"--limit0\r\nContent-Disposition: attachment\r\n\r\nx\r\n--limit0--\r\n",
        b'--limit0\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n--limit0--\r\n',
        b'--limit0\r\nContent-Disposition: form-data; name="file"\r\nX: '
        + b"y" * 9000
        + b"\r\n\r\nx\r\n--limit0--\r\n",
        b'--limit0\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 100 + b"--limit0--\r\n",
    ],
)
async def test_a_broken_form_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    headers = {**HEADERS, "Content-Type": "multipart/form-data; boundary=limit0"}
    fields = wrong_fields(await client.post(f"{V1}/detect", headers=headers, content=content))
    assert fields <= {"body"}


@pytest.mark.property
@given(content=st.binary(max_size=300), boundary=st.from_regex(r"[a-z]{1,5}", fullmatch=True))
@settings(max_examples=60, deadline=None)
async def test_property_14_no_bytes_break_the_form_reader(content: bytes, boundary: str) -> None:
    async with api() as client:
        headers = {**HEADERS, "Content-Type": f"multipart/form-data; boundary={boundary}"}
        wrapped = b"--%s\r\n%s\r\n--%s--" % (boundary.encode(), content, boundary.encode())
        for body in (content, wrapped):
            assert (await client.post(f"{V1}/detect", headers=headers, content=body)).status_code in {400, 415}


async def test_query_parameters_are_refused_by_name(client: httpx.AsyncClient) -> None:
    answer = await client.post(f"{V1}/search?threshold=0.9&x=1", data={"session_id": "s"}, files={"file": scene(1)})
    assert wrong_fields(answer) == {"threshold", "x"}


async def test_compressed_requests_are_refused(client: httpx.AsyncClient) -> None:
    content, headers = form([("file", scene(1))])
    answer = await client.post(
        f"{V1}/detect", content=content, headers={**headers, **HEADERS, "Content-Encoding": "gzip"}
    )
    assert wrong_fields(answer) == {"Content-Encoding"}


@pytest.mark.parametrize("threshold", ["0", "1", "0.5", ".5", "1.", "5e-1", "+0.25", "-0.0"])
async def test_numbers_as_people_write_them(client: httpx.AsyncClient, threshold: str) -> None:
    response = await search(client, "s", scene(1), threshold=threshold)
    problem(response, 404, "not_found")


async def test_problems_hold_no_internals(client: httpx.AsyncClient) -> None:
    response = await search(client, "s" * 300, scene(1), threshold="2")
    assert not re.search(r"Traceback|File \"|site-packages|facepass\.", json.dumps(response.json()))
