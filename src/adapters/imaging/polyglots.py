"""Files that are a picture and another kind of document at once: who opens them as that gets something else.

Cameras put much behind and beside the picture: trailers of their own, second pictures, films, text as XML. So data that
follows a picture is no offence, and what is looked for must not occur in it by chance. For each signature stands how
likely it is in 10 MB of random bytes, which compressed pictures and films resemble. All of it takes 10 ms for 10 MB.

What is not found: script in other encodings than ASCII, documents within compressed metadata, and formats whose readers
insist on their own first bytes, which a picture cannot have. The decoder is safe from all of that; see `outline`.
"""

import re
import struct
from typing import Final

from facepass.adapters.imaging.search import search

_PDF_HEADER_BYTES: Final = 1024
"""Readers look for the header within these. By chance: 1e-9, without regard to length."""

_ARCHIVES: Final = (
    ("a RAR archive", re.compile(rb"Rar!\x1a\x07(?:\x00|\x01\x00)")),
    ("a 7z archive", re.compile(rb"7z\xbc\xaf\x27\x1c\x00")),
)
"""Their readers look for them anywhere, as they stand behind programs that unpack them. By chance: 2e-10 each."""
_LONGEST_ARCHIVE_SIGNATURE: Final = 8

_MARKUP: Final = re.compile(
    rb"""<(?=[!?hHiIsS])(?:
        (?P<php>
            \?(?i:php)\s[\t\n\r -~]{12}                     # by chance 2e-11
            | \?=[\s`@(]{0,8}\$_[A-Z]{3}                    # 1e-8
        )
        | (?i:script|iframe)[\s/>]                          # 6e-10
        | !(?i:doctype)\s{1,16}(?i:html)                    # less than 1e-20
        | (?i:html)[\s>][\t\n\r -~]{12}                     # 4e-11
        | (?i:svg)\s[^<>]{0,64}?(?i:xmlns|onload)=         # 2e-15
    )""",
    re.VERBOSE,
)
"""Tags that a browser or an interpreter acts on, wherever they stand; not simple markup, which captions hold, nor the
XML that cameras write. The short ones must be followed by more text."""
_LONGEST_MARKUP: Final = 80

_COMMENT_WITHIN_BYTES: Final = 16
_AFTER_COMMENT: Final = re.compile(rb"\*/[\t\n\r -~]{16}")
"""Script can begin with a picture's first letters if it hides the header in a comment. By chance, both: 4e-9."""
_LONGEST_COMMENT_END: Final = 18

_ZIP_END: Final = b"PK\x05\x06"
_ZIP_END_BYTES: Final = 22
_ZIP64_LOCATOR: Final = b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES: Final = 20
_ZIP_ENTRY: Final = b"PK\x01\x02"
_ZIP_COMMENT_BYTES: Final = 0xFFFF
_BEYOND_16_BITS: Final = 0xFFFF


def other_document(data: bytes) -> str | None:
    """What a picture is as well, with its article, or None for a picture only."""
    if b"%PDF-" in data[:_PDF_HEADER_BYTES]:
        return "a PDF document"
    if _is_zip(data):
        return "a ZIP archive"
    for name, signature in _ARCHIVES:
        if search(signature, data, longest=_LONGEST_ARCHIVE_SIGNATURE):
            return name
    if match := search(_MARKUP, data, longest=_LONGEST_MARKUP):
        return "a PHP script" if match["php"] else "an HTML page"
    commented = b"/*" in data[:_COMMENT_WITHIN_BYTES]
    if commented and search(_AFTER_COMMENT, data, longest=_LONGEST_COMMENT_END):
        return "a script"
    return None


def _is_zip(data: bytes) -> bool:
    """Whether the end of a ZIP archive is where its readers look for it, with an archive before it (APPNOTE 4.3.16).

    By chance: less than 1e-15.
    """
    tail_start = max(0, len(data) - _ZIP_END_BYTES - _ZIP_COMMENT_BYTES)
    at = data.rfind(_ZIP_END, tail_start)
    while at >= 0:
        if _ends_zip(data, at):
            return True
        at = data.rfind(_ZIP_END, tail_start, at)
    return False


def _ends_zip(data: bytes, at: int) -> bool:
    if at + _ZIP_END_BYTES > len(data):
        return False
    disk, first_disk, here, entries, size, _, comment = struct.unpack_from("<HHHHIIH", data, at + 4)
    if at + _ZIP_END_BYTES + comment > len(data):
        return False
    locator = at - _ZIP64_LOCATOR_BYTES
    if locator >= 0 and data.startswith(_ZIP64_LOCATOR, locator):
        return _BEYOND_16_BITS in {disk, here, entries} or disk == 0
    if (disk, first_disk) != (0, 0) or here != entries:
        return False
    if entries == 0:
        return bool(size == 0)
    return bool(size <= at and data.startswith(_ZIP_ENTRY, at - size))
