"""The scanner finds what it is there for, and nothing in lines that are as they should be."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from tests.log_scan.leaks import Scanner

SECRET = 'a "quoted" secret of a test'  # noqa: S105 - to be looked for
VECTOR = np.random.default_rng(1).standard_normal(128, dtype=np.float32)


def encoded(image_format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 30)).save(buffer, image_format)
    return buffer.getvalue()


def found(text: str) -> set[str]:
    return {leak.what for leak in Scanner([SECRET]).scan(text)}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"refused {SECRET} here", "a secret of a test"),
        (json.dumps({"event": SECRET}), "a secret of a test"),
        ("?key=a%20%22quoted%22%20secret%20of%20a%20test", "a secret of a test"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "a web token"),
        ("key fp_abcdefg2_" + 43 * "x", "an API key"),
        ("cannot connect to postgresql://user:passw@host/d", "a password in an address"),
        ("redis://:passw@host/0", "a password in an address"),
        ('{"password": "correcthorsebattery"}', "a secret by its name"),
        ("authorization: Bearer abcdefghijklmnopqrstuvwxyz", "a secret by its name"),
        *((repr(encoded(name)[:40]), "a picture") for name in ("JPEG", "PNG", "WEBP")),
        *((json.dumps(encoded(name).decode("latin-1")[:40]), "a picture") for name in ("JPEG", "PNG")),
        *((encoded(name).decode("utf-8", "replace").split("\n")[0], "a picture") for name in ("JPEG", "PNG")),
        *((base64.b64encode(encoded(name)).decode(), "a picture") for name in ("JPEG", "PNG", "WEBP")),
        *((encoded(name).hex(), "a picture") for name in ("JPEG", "PNG")),
        (np.random.default_rng(1).bytes(256).hex(), "encoded bytes"),
        (base64.b64encode(np.zeros(128, np.float32).tobytes()).decode(), "encoded bytes"),
        (str(VECTOR.tolist()), "a vector"),
        (json.dumps([0.1] * 12 + [1]), "a vector"),
        (repr(VECTOR), "a vector"),
        (json.dumps({"event": str(VECTOR)}), "a vector"),
        ("from 203.0.113.7", "a whole address"),
        ('{"client": "203.0.113.7"}', "a whole address"),
        ("203.0.113.7:4711", "a whole address"),
        ("client=203.0.113.7/32", "a whole address"),
        ("client=203.0.113.0/25", "a whole address"),
        ("from 2001:db8:1:2:3:4:5:6", "a whole address"),
        ("from [2001:db8::7]:80", "a whole address"),
        ("limited 2001:db8:1:2::/64", "a whole address"),
    ],
)
def test_what_leaks_is_found(text: str, what: str) -> None:
    assert what in found(text), found(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"client": "203.0.113.0/24", "caller": "key:fp_abcdefg2", "duration_ms": 12.345, "status": 200}',
        '{"client": "2001:db8:1::/48", "timestamp": "2026-11-25T09:04:10.123456Z"}',
        '{"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}',
        '{"job": "0198c0ffee00112233445566778899aa", "unit": 3}',
        "FacePass listens on http://127.0.0.1:8000 (documentation: http://127.0.0.1:8000/docs)",
        "listens on http://[::1]:8000, or on 0.0.0.0, or on [::]:80",
        "postgresql://facepass:***@127.0.0.1:5432/facepass",
        '{"api_key": "***", "password": "***", "event": "authorization: ***"}',
        "PostgreSQL 18.6, onnxruntime 1.23.2, facepass 0.1.0",
        '{"timings": [1.5, 2.5, 3.5], "box": {"x": 1.0, "y": 2.0}}',
        'File "/srv/facepass/entrypoints/http/app.py", line 12, in __call__',
        "std::vector, a::b::c, at 12:30:45",
        "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    ],
)
def test_lines_as_they_should_be_are_left_alone(text: str) -> None:
    assert list(Scanner([SECRET]).scan(text)) == []


def test_short_words_are_no_secrets() -> None:
    assert list(Scanner(["facepass", ""]).scan("facepass starts")) == []


def test_a_leak_says_where_it_is() -> None:
    (leak,) = Scanner([SECRET]).scan(f"first\n\x1b[32msecond\x1b[0m {SECRET}\nthird")
    assert (leak.line, leak.found) == (f"second {SECRET}", SECRET)
