"""Who a client is by its address: the machine that connects or, behind proxies that are trusted, whom they name.

`X-Forwarded-For` is written by everybody: each proxy appends the address that it was called from to what it was sent.
So it is read from the right, and only as far as the addresses that wrote it are trusted. What stands to the left of the
first that is not, the client has made up itself.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any, TypeAlias

from litestar.types import Scope

from facepass.entrypoints.settings import Network

HEADER = b"x-forwarded-for"
MAX_FORWARDED_BYTES = 2048
"""Of the header's right end are looked at, which is more than forty proxies write."""

LIMITED_PREFIX_V6 = 64
"""Whoever has one address of IPv6 has all that share so many bits with it. Of IPv4 each counts for itself."""
SHOWN_PREFIX_V4, SHOWN_PREFIX_V6 = 24, 48

_Address: TypeAlias = IPv4Address | IPv6Address
# An address, with a port or without: `1.2.3.4:80`, `[::1]:80`, `::1`.
_ENTRY = re.compile(r"\[(?P<bracketed>[^]]+)\](:\d{1,5})?|(?P<plain>[^:]+)(:\d{1,5})?|(?P<colons>.+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ClientAddress:
    """A client, by its address.

    Attributes:
        limited: what rate limits know it by, such as `203.0.113.7` or `2001:db8:1:2::/64`.
        shown: what logs may say of it, such as `203.0.113.0/24` or `2001:db8:1::/48`; never an address.
    """

    limited: str
    shown: str


UNKNOWN = ClientAddress("unknown", "unknown")
"""Whoever comes without an address, such as through a Unix socket: all of them are one client."""


def client_address(scope: Scope, trusted: Collection[Network]) -> ClientAddress:
    """The client that a request is from.

    Args:
        scope: of the ASGI connection.
        trusted: the proxies, whose word is taken for whom they were called by.
    """
    peer = scope.get("client")
    address = _parsed(peer[0]) if peer else None
    if address is None:
        return UNKNOWN
    if _is_trusted(address, trusted):
        for entry in reversed(_forwarded(scope)):
            named = _parsed(entry)
            if named is None:
                break
            address = named
            if not _is_trusted(address, trusted):
                break
    if isinstance(address, IPv4Address):
        return ClientAddress(str(address), str(IPv4Network((int(address), SHOWN_PREFIX_V4), strict=False)))
    limited, shown = (
        str(IPv6Network((int(address), prefix), strict=False)) for prefix in (LIMITED_PREFIX_V6, SHOWN_PREFIX_V6)
    )
    return ClientAddress(limited, shown)


def is_from_proxy(scope: Scope, trusted: Collection[Network]) -> bool:
    """Whether a request comes straight from a proxy that is trusted."""
    peer = scope.get("client") if trusted else None
    address = _parsed(peer[0]) if peer else None
    return address is not None and _is_trusted(address, trusted)


def _forwarded(scope: Scope) -> list[str]:
    """The entries of all such headers, in order, as far as they are looked at and not empty."""
    headers: Any = scope["headers"]
    joined = b",".join(value for name, value in headers if name == HEADER)
    entries = joined[-MAX_FORWARDED_BYTES:].split(b",")
    if len(joined) > MAX_FORWARDED_BYTES:
        del entries[0]  # cut, and perhaps another address by that
    texts = (entry.decode("latin-1").strip() for entry in entries)
    return [text for text in texts if text]


def _parsed(text: str) -> _Address | None:
    """The address that a text is, without its port; IPv4 for one that is mapped into IPv6. None for no address."""
    match = _ENTRY.fullmatch(text)
    if match is None:
        return None
    try:
        address = ip_address(match["bracketed"] or match["plain"] or match["colons"])
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


def _is_trusted(address: _Address, trusted: Collection[Network]) -> bool:
    return any(address in network for network in trusted)
