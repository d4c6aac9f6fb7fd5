"""What is another document as well, and what only looks like it."""

import io
import struct
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.adapters.imaging.decode import decode_image
from facepass.adapters.imaging.polyglots import other_document
from facepass.adapters.imaging.search import WINDOW_BYTES
from facepass.domain.errors import UnsupportedImage
from tests.hostile.largest import UPLOADS
from tests.hostile.pieces import blocks, encoded, noise
from tests.hostile.polyglots import PDF, RAR, SCRIPT, SEVEN_Z, SHELL, archive

JPEG = encoded(blocks(), "JPEG")
SIGNED = {
    "a RAR archive": RAR,
    "a 7z archive": SEVEN_Z,
    "an HTML page": SCRIPT,
    "a PHP script": SHELL,
}


@pytest.mark.parametrize("document", SIGNED)
@pytest.mark.parametrize("before", [0, WINDOW_BYTES - 3, WINDOW_BYTES, 2 * WINDOW_BYTES - 1])
def test_documents_are_found_wherever_they_stand(document: str, before: int) -> None:
    assert other_document(bytes(before) + SIGNED[document] + bytes(100)) == document


@pytest.mark.parametrize("text", [b"<SCRIPT>", b"<script\n", b"<Script/x", b"<iframe src=x>", b"<!DOCTYPE  html>"])
def test_tags_are_found_in_any_spelling(text: bytes) -> None:
    assert other_document(JPEG + text) == "an HTML page"


@pytest.mark.parametrize(
    "text",
    [
        b"<scripts>",
        b"<description>",
        b"<html>\x00\x01",
        b"<svg:g>",
        b"<?php",
        b"<?xml version='1.0'?>",
        b"<?=",
        b"*/ alert",
    ],
)
def test_what_only_begins_like_a_tag_is_none(text: bytes) -> None:
    assert other_document(JPEG + text + bytes(50)) is None


def test_a_pdf_counts_where_its_readers_look() -> None:
    assert other_document(bytes(1019) + PDF) == "a PDF document"
    assert other_document(bytes(1020) + PDF) is None


@pytest.mark.parametrize("comment", [0, 1, 0xFFFF])
def test_an_archive_may_end_with_a_comment(comment: int) -> None:
    assert other_document(JPEG + archive(comment=b"c" * comment)) == "a ZIP archive"


def test_an_archive_of_the_large_kind_is_found() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for number in range(0x10000):
            opened.writestr(zipfile.ZipInfo(str(number)), b"")
    assert other_document(JPEG + buffer.getvalue()) == "a ZIP archive"


@pytest.mark.parametrize(
    "end",
    [
        b"PK\x05\x06",
        b"PK\x05\x06" + bytes(17),
        b"PK\x05\x06" + struct.pack("<HHHHIIH", 1, 0, 1, 1, 46, 0, 0),
        b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 2, 46, 0, 0),
        b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 0, 0),
        b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 0xFFFFFFFF, 0, 0),
        b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0, 0, 0, 0, 9),
        b"PK\x01\x02" + bytes(60),
        b"PK\x03\x04" + bytes(60),
    ],
)
def test_what_only_looks_like_the_end_of_an_archive_is_none(end: bytes) -> None:
    assert other_document(JPEG + end) is None


def test_an_archive_whose_readers_would_not_find_it_is_none() -> None:
    assert other_document(JPEG + archive() + bytes(70_000)) is None


@given(st.integers(0, 2**32 - 1))
def test_random_bytes_are_no_document(seed: int) -> None:
    assert other_document(JPEG + noise(1 << 20, seed)) is None


def test_the_refusal_says_what_else_the_file_is() -> None:
    with pytest.raises(UnsupportedImage, match="a picture and a ZIP archive at once; send the picture alone"):
        decode_image(JPEG + archive(), UPLOADS)
