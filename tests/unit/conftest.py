"""Unit tests reach nothing outside the process: a socket that connects or listens fails the test."""

import socket
from collections.abc import Iterator

import pytest


def _refuse(*_: object) -> None:
    raise AssertionError("a unit test tried to use the network")


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for method in ("connect", "connect_ex", "bind", "listen"):
            patch.setattr(socket.socket, method, _refuse)
        yield
