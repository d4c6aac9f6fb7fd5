"""Gives schemathesis something to work with: real pictures, and every other time the session that is there."""

import functools
import io
import zlib
from typing import Any

import numpy as np
import schemathesis
from hypothesis import strategies as st
from PIL import Image, ImageOps

from facepass.domain.gallery import MAX_ID_LENGTH
from facepass.entrypoints.demo.people import People
from tests.fuzz.seeded import PHOTO, SESSION


@functools.cache
def pictures() -> tuple[bytes, ...]:
    """A face, two faces, nothing, noise; whole and broken, in each format."""
    people = People.installed()
    one, other = (Image.fromarray(people.face(person, 1)).resize((184, 224)) for person in (1, 2))
    pair = Image.new("L", (420, 240), 127)
    pair.paste(one, (10, 8))
    pair.paste(other, (220, 8))
    noise = np.random.default_rng(1).integers(0, 256, (64, 48, 3), dtype=np.uint8)
    drawn = [ImageOps.expand(one, 60, 127), pair, Image.new("RGB", (32, 32)), Image.fromarray(noise)]
    whole = []
    for picture in drawn:
        for kind in ("JPEG", "PNG", "WEBP", "BMP"):
            file = io.BytesIO()
            picture.convert("RGB").save(file, kind)
            whole.append(file.getvalue())
    return (*whole, *(data[: len(data) * 2 // 3] for data in whole), b"", b"GIF89a", b"\xff\xd8\xff")


schemathesis.openapi.format("binary", st.sampled_from(pictures()) | st.binary(max_size=200))


def _exchangeable(value: Any) -> bool:
    """Every other id, the same ones in every run; never one that is to be refused."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_ID_LENGTH and zlib.crc32(repr(value).encode()) % 2 == 0


@schemathesis.hook
def filter_body(context: schemathesis.HookContext, body: Any) -> bool:
    """A list of one text, or of none, is in a form the same as the text, or as no field: nothing to refuse."""
    in_a_form = any(one.media_type == "multipart/form-data" for one in context.operation.body)
    if not in_a_form or not isinstance(body, dict):
        return True
    return not any(isinstance(value, list) and len(value) <= 1 for name, value in body.items() if name != "file")


@schemathesis.hook
def map_path_parameters(_context: schemathesis.HookContext, parameters: dict[str, Any] | None) -> dict[str, Any] | None:
    """Some requests find what they ask for."""
    if not parameters:
        return parameters
    known = {"session_id": SESSION, "photo_id": PHOTO}
    return {name: known.get(name, value) if _exchangeable(value) else value for name, value in parameters.items()}


@schemathesis.hook
def map_body(_context: schemathesis.HookContext, body: Any) -> Any:
    """Likewise for ids in forms and JSON."""
    if isinstance(body, dict) and _exchangeable(body.get("session_id")):
        return {**body, "session_id": SESSION}
    return body
