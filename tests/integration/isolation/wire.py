"""Who the process talks to: connections, datagrams, names that are looked up, and children that could do it instead.

By Python's audit events (PEP 578): no library passes them by that opens its sockets through Python, as all of ours do.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_ADDRESSED = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_LOOKED_UP = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"})
_CHILDREN = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork", "os.exec", "os.system"})


@dataclass
class Wire:
    """What was seen while it was watched.

    Attributes:
        addresses: host and port of connections and datagrams, or the path of a local socket.
        names: that were looked up.
        children: events that began another process.
    """

    addresses: set[Any] = field(default_factory=set)
    names: set[Any] = field(default_factory=set)
    children: list[str] = field(default_factory=list)

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _ADDRESSED:
            address = arguments[1]
            if address is not None:  # a datagram over a connection, which was noted before
                self.addresses.add(address[:2] if isinstance(address, tuple) else address)
        elif event in _LOOKED_UP:
            self.names.add(arguments[0])
        elif event in _CHILDREN:
            self.children.append(event)


_watching: list[Wire] = []


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    for wire in _watching:
        wire.note(event, arguments)


sys.addaudithook(_hook)  # for the life of the process: there is no taking it off


@contextmanager
def watched() -> Iterator[Wire]:
    """All that every thread of the process does in the block."""
    wire = Wire()
    _watching.append(wire)
    try:
        yield wire
    finally:
        _watching.remove(wire)
