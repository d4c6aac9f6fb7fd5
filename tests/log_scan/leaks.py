"""What no line of a log may hold: secrets, pictures, vectors, whole addresses of clients."""

import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

LEAST_CHARACTERS = 12
"""Of a secret that is looked for, as `Redaction` has it: shorter ones are words."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*")
_MANAGED_KEY = re.compile(r"\bfp_[a-z2-7]{8}_[A-Za-z0-9_-]{43}")
_PASSWORD_IN_ADDRESS = re.compile(r"\w://[^\s:/@'\"]*:(?!\*\*\*@)[^\s/@]+@")
_SECRET_ASSIGNED = re.compile(
    r"(?i)\b(?:password|secret_key|api_keys?|authorization|x-api-key)['\"]?\s*[=:]\s*['\"]?(?!\*\*\*|None|null|true|false)"
    r"(?:Bearer |Basic )?[A-Za-z0-9+/=_-]{16,}"
)
_PICTURE = re.compile(
    r"/9j/[A-Za-z0-9+/]{16}"  # JPEG in base64
    r"|iVBORw0KGgo"  # PNG
    r"|UklGR[A-Za-z0-9+/]{6}"  # WebP
    r"|\\xff\\xd8\\xff|\\x89PNG|RIFF.{4,24}WEBP"  # as Python shows bytes
    r"|\\u00ff\\u00d8\\u00ff|\\ufffd\\ufffd\\ufffd\\ufffd|\\u0089PNG"  # as JSON does
    r"|ÿØÿ|\x89PNG|\ufffdPNG|\ufffd{4}"  # as whatever decoded them does
    r"|(?i:\bffd8ff[0-9a-f]{8}|\b89504e470d0a1a0a)"
)
_ENCODED = re.compile(r"[A-Za-z0-9+/]{256,}={0,2}|(?:\\x[0-9a-f]{2}){32,}|[A-Za-z0-9_-]{512,}")
"""More than any hash, key or token of ours: a picture, or a vector."""
_NUMBERS = re.compile(r"(?:-?\d+\.\d*(?:e[+-]?\d+)?(?:[\s,;()\[\]]|\\n)+){12}")
"""More numbers in a row than landmarks have."""
_IPV4 = re.compile(r"(?<![\w.:/-])(?P<address>\d{1,3}(?:\.\d{1,3}){3})(?P<prefix>/\d{1,2})?(?![\w.-])")
_IPV6 = re.compile(
    r"(?<![\w.:/-])(?P<address>[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})(?P<prefix>/\d{1,3})?(?![\w.:])"
)
SHOWN_PREFIX_V4, SHOWN_PREFIX_V6 = 24, 48


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that should not be there.

    Attributes:
        what: of which kind.
        found: the beginning of it.
        line: in which it stands.
    """

    what: str
    found: str
    line: str

    def __str__(self) -> str:
        return f"{self.what}: {self.found!r} in {self.line[:300]!r}"


class Scanner:
    """Knows secrets by heart, everything else by its look."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: dict[str, None] = {}
        self._known: re.Pattern[str] | None = None
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Look for this one, too, however it is quoted."""
        if len(secret) < LEAST_CHARACTERS or secret in self._secrets:
            return
        spelt = (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret, safe=""))
        self._secrets.update(dict.fromkeys(spelt))
        self._known = None

    def scan(self, text: str) -> Iterator[Leak]:
        """Every leak of a text, line by line."""
        plain = _ANSI.sub("", text)
        for line in plain.splitlines():
            yield from self._in_line(line)
        if found := _NUMBERS.search(plain):  # it may be printed over several lines
            yield Leak("a vector", found[0][:60], plain[max(0, found.start() - 100) :].strip())

    def _in_line(self, line: str) -> Iterator[Leak]:
        if self._known is None and self._secrets:
            longest_first = sorted(self._secrets, key=len, reverse=True)
            self._known = re.compile("|".join(map(re.escape, longest_first)))
        if self._known is not None and (found := self._known.search(line)):
            yield Leak("a secret of a test", found[0], line)
        for what, pattern in _BY_LOOK.items():
            if found := pattern.search(line):
                yield Leak(what, found[0][:60], line)
        yield from _addresses(line)


_BY_LOOK = {
    "a web token": _JWT,
    "an API key": _MANAGED_KEY,
    "a password in an address": _PASSWORD_IN_ADDRESS,
    "a secret by its name": _SECRET_ASSIGNED,
    "a picture": _PICTURE,
    "encoded bytes": _ENCODED,
}


def _addresses(line: str) -> Iterator[Leak]:
    for pattern, shown_prefix in ((_IPV4, SHOWN_PREFIX_V4), (_IPV6, SHOWN_PREFIX_V6)):
        for found in pattern.finditer(line):
            try:
                address = ipaddress.ip_address(found["address"])
            except ValueError:
                continue
            if address.is_loopback or address.is_unspecified:
                continue
            if found["prefix"] and int(found["prefix"][1:]) <= shown_prefix and _is_network(found[0]):
                continue
            yield Leak("a whole address", found[0], line)


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
