"""What settings are made of: secrets, origins, networks, ranges, and the sentence that says what a setting does."""

import ipaddress
import re
from typing import Annotated, Self

from msgspec import Meta

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)
_USUAL_PORTS = {"http": 80, "https": 443}
MAX_PORT = 65535


class Secret:
    """A string that shows itself only when asked for by name."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret(***)" if self._value else "Secret(empty)"


class Origin(str):
    """Where a web page comes from, spelt as browsers spell it in `Origin` (RFC 6454, 6.2); `*` stands for anywhere."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check `scheme://host[:port]`; capitals and the scheme's usual port are dropped, as browsers do.

        Raises:
            ValueError: it is something else, such as an address with a path, a pattern or `null`.
        """
        if text == "*":
            return cls(text)
        found = _ORIGIN.fullmatch(text.lower())
        port = int(found["port"]) if found and found["port"] else None
        if found is None or (port is not None and not 1 <= port <= MAX_PORT):
            raise ValueError(f"{text!r} is no origin: write scheme://host or scheme://host:port, without a path")
        usual = port is None or port == _USUAL_PORTS.get(found["scheme"])
        return cls(f"{found['scheme']}://{found['host']}{'' if usual else f':{port}'}")


class Network:
    """The addresses of an IP network, or a single one.

    Raises:
        ValueError: the text is neither, or has bits set beyond the length of its prefix: another one may be meant.
    """

    __slots__ = ("_network",)

    def __init__(self, text: str) -> None:
        self._network = ipaddress.ip_network(text)

    def __contains__(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        return address in self._network

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self._network == other._network

    def __hash__(self) -> int:
        return hash(self._network)

    def __repr__(self) -> str:
        return str(self._network)


def meaning(text: str, *, unset: str | None = None) -> Meta:
    """What a setting does, kept where msgspec keeps descriptions.

    Args:
        text: a sentence or two for whoever configures the service.
        unset: what holds where the setting is not set; needed where the default does not say it, as None does not.
    """
    return Meta(description=text, extra=None if unset is None else {"unset": unset})


Port = Annotated[int, Meta(ge=1, le=MAX_PORT)]
Positive = Annotated[int, Meta(ge=1)]
NotNegative = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0)]
NoSeconds = Annotated[float, Meta(ge=0)]
"""Perhaps none."""
Fraction = Annotated[float, Meta(ge=0, le=1)]
Percent = Annotated[int, Meta(ge=0, le=100)]
