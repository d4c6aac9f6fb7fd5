"""Who a client is: the address that connects, or whom trusted proxies name, and never what the client says itself."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facepass.entrypoints.http.client_address import MAX_FORWARDED_BYTES, UNKNOWN, ClientAddress, client_address
from facepass.entrypoints.settings import Network

TRUSTED = (Network("10.0.0.0/8"), Network("fd00::/8"), Network("192.0.2.1"))
PROXIES = ("10.0.0.1", "10.255.0.7", "fd00::1", "192.0.2.1", "::ffff:10.1.2.3")


def scope(peer: str | None, *headers: str | bytes) -> Any:
    """Of a connection from `peer` with headers `X-Forwarded-For`, among others."""
    lines = [header if isinstance(header, bytes) else header.encode("latin-1") for header in headers]
    return {
        "type": "http",
        "client": None if peer is None else (peer, 40_000),
        "headers": [(b"host", b"h"), *((b"x-forwarded-for", line) for line in lines), (b"x-real-ip", b"192.0.2.9")],
    }


def limited(peer: str | None, *headers: str | bytes, trusted: Sequence[Network] = TRUSTED) -> str:
    return client_address(scope(peer, *headers), trusted).limited


@pytest.mark.parametrize(
    ("peer", "known_as", "shown_as"),
    [
        ("203.0.113.7", "203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.7", "203.0.113.0/24"),
        ("0.0.0.1", "0.0.0.1", "0.0.0.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64", "2001:db8:1::/48"),
        ("::1", "::/64", "::/48"),
        ("fe80::1%eth0", "fe80::/64", "fe80::/48"),
    ],
)
def test_a_client_is_known_by_its_address_or_network_and_shown_by_a_larger_one(
    peer: str, known_as: str, shown_as: str
) -> None:
    assert client_address(scope(peer), ()) == ClientAddress(known_as, shown_as)


@pytest.mark.parametrize("peer", [None, "", "/run/facepass.sock", "testclient", "1.2.3", "300.1.1.1"])
def test_whoever_has_no_address_is_unknown_whatever_the_headers_say(peer: str | None) -> None:
    assert client_address(scope(peer, "203.0.113.7"), TRUSTED) == UNKNOWN


def test_a_server_that_knows_no_peer_at_all() -> None:
    assert client_address({"type": "http", "headers": []}, TRUSTED) == UNKNOWN  # type: ignore[typeddict-item]


def test_without_trusted_proxies_headers_are_nothing() -> None:
    assert limited("10.0.0.1", "203.0.113.7", trusted=()) == "10.0.0.1"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), "10.0.0.1"),
        (("",), "10.0.0.1"),
        ((" , ,, ",), "10.0.0.1"),
        (("203.0.113.7",), "203.0.113.7"),
        (("  203.0.113.7\t",), "203.0.113.7"),
        (("203.0.113.7, 10.0.0.2, fd00::5",), "203.0.113.7"),
        (("198.51.100.1, 203.0.113.7, 10.0.0.2",), "203.0.113.7"),
        (("203.0.113.7,, 10.0.0.2,",), "203.0.113.7"),
        (("198.51.100.1", "203.0.113.7", "10.0.0.2"), "203.0.113.7"),
        (("203.0.113.7, 10.0.0.2", "10.0.0.3"), "203.0.113.7"),
        (("10.9.9.9, 10.0.0.2",), "10.9.9.9"),
        (("203.0.113.7:5678",), "203.0.113.7"),
        (("[2001:db8::1]:443",), "2001:db8::/64"),
        (("[2001:db8::1]",), "2001:db8::/64"),
        (("2001:db8::1",), "2001:db8::/64"),
        (("::ffff:203.0.113.7",), "203.0.113.7"),
        (("203.0.113.7, ::ffff:10.0.0.2",), "203.0.113.7"),
    ],
)
def test_trusted_proxies_are_read_from_the_right(headers: tuple[str, ...], expected: str) -> None:
    assert limited("10.0.0.1", *headers) == expected


@pytest.mark.parametrize(
    "malformed",
    [
        "unknown",
        "_hidden",
        "203.0.113",
        "203.0.113.7.8",
        "203.0.113.7/32",
        "203.0.113.7:",
        "203.0.113.7:x",
        "203.0.113.7:123456",
        "[2001:db8::1",
        "2001:db8::1]",
        "[2001:db8::1]443",
        "[203.0.113.7:80]",
        "[]",
        "[]:80",
        ":80",
        "::1::",
        "1",
        '"203.0.113.7"',
        "for=203.0.113.7",
        "203.0.113.7 198.51.100.1",
        b"203.0.113.7\xff",
        "２03.0.113.7".encode(),
        "\x00",
    ],
)
def test_a_malformed_entry_ends_the_walk_at_the_last_good_address(malformed: str | bytes) -> None:
    entry = malformed if isinstance(malformed, bytes) else malformed.encode("latin-1")
    assert limited("10.0.0.1", entry) == "10.0.0.1"
    assert limited("10.0.0.1", b"198.51.100.1, " + entry + b", 10.0.0.2") == "10.0.0.2"


def test_only_the_right_end_of_a_long_header_is_read() -> None:
    proxies = ", 10.0.0.2" * 30
    assert limited("10.0.0.1", "x" * 100_000 + ", 203.0.113.7" + proxies) == "203.0.113.7"
    assert limited("10.0.0.1", "203.0.113.7, 203.0.113.8" + ", 10.0.0.2" * MAX_FORWARDED_BYTES) == "10.0.0.2"
    assert limited("10.0.0.1", *["203.0.113.7"] * 10_000) == "203.0.113.7"


@pytest.mark.parametrize("shift", range(12))
def test_an_address_that_is_cut_is_no_address(shift: int) -> None:
    tail = (", 10.0.0.2" * 150 + "," * MAX_FORWARDED_BYTES)[: MAX_FORWARDED_BYTES - len("203.0.113.7") + shift]
    assert limited("10.0.0.1", "203.0.113.7" + tail) == ("10.0.0.2" if shift else "203.0.113.7")


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
strangers = addresses.filter(lambda address: not trusted(address))
entries = st.one_of(
    addresses, st.sampled_from([*PROXIES, "unknown", "", "1.2.3.4:5", "[::1]:80"]), st.text(max_size=20)
)
lies = st.one_of(
    st.lists(entries, max_size=8).map(lambda parts: ", ".join(parts).encode("utf-8", "ignore")),
    st.binary(max_size=200),
    st.integers(0, 3000).map(lambda size: b"9" * size),
)


def trusted(text: str) -> bool:
    address: Any = IPv6Address(text) if ":" in text else IPv4Address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in network for network in TRUSTED)


@pytest.mark.property
@given(client=strangers, said=st.lists(lies, max_size=3))
def test_a_client_that_is_no_proxy_cannot_choose_its_address(client: str, said: list[bytes]) -> None:
    assert client_address(scope(client, *said), TRUSTED) == client_address(scope(client), ())


@pytest.mark.property
@given(
    client=strangers,
    said=st.lists(lies, max_size=3),
    chain=st.lists(st.sampled_from(PROXIES), min_size=1, max_size=5),
    own_line=st.booleans(),
)
def test_nor_can_it_behind_proxies_that_are_trusted(
    client: str, said: list[bytes], chain: list[str], own_line: bool
) -> None:
    """Each proxy appends the address that it was called from: to the last line, or in a line of its own."""
    lines = [*said]
    for caller in (client, *chain[:-1]):
        if own_line or not lines:
            lines.append(caller.encode())
        else:
            lines[-1] += b", " + caller.encode()
    assert client_address(scope(chain[-1], *lines), TRUSTED) == client_address(scope(client), ())


@given(st.one_of(st.none(), st.text(max_size=30), addresses), st.lists(lies, max_size=3))
def test_nothing_that_a_client_sends_is_an_error_or_shows_a_whole_address(peer: str | None, said: list[bytes]) -> None:
    found = client_address(scope(peer, *said), TRUSTED)
    assert found == UNKNOWN or found.shown.endswith(("/24", "/48"))
