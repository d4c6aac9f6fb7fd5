"""Takes secrets out of text that is about to be shown, however they got into it.

Errors of libraries quote what they were given: an address with its password, a header, a key. Nobody can foresee where,
so every line of the log passes through here.
"""

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

HIDDEN = "***"
LEAST_CHARACTERS = 12
"""Shorter secrets are left: production takes none, and hiding a password `facepass` would hide the word everywhere."""

_WITHIN_ADDRESS = re.compile(r"(://[^\s:/@'\"]*):[^\s/@]+@")
_TOKEN = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
"""A JSON web token: a credential, whoever made it."""


class Redaction:
    """Knows the secrets in force; takes out these, passwords within addresses, and web tokens."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        spelt = {spelling for secret in secrets if len(secret) >= LEAST_CHARACTERS for spelling in _spellings(secret)}
        longest_first = sorted(spelt, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        return _TOKEN.sub(HIDDEN, _WITHIN_ADDRESS.sub(rf"\1:{HIDDEN}@", text))


def _spellings(secret: str) -> Iterator[str]:
    """A secret as it is, as JSON and Python quote it, and as an address holds it."""
    yield secret
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    yield quote(secret, safe="")
