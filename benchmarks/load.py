"""What the HTTP benchmarks share: pictures of real faces, and a client that costs little.

The client writes prepared requests to keep-alive connections and reads answers by their length: on a machine of two
cores an HTTP library would take more time than the servers it is to compare.
"""

import asyncio
import io
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from facepass.entrypoints.demo.people import People

KEY = "a-key-for-benchmarks"
BORDER_PX = 100
ENLARGED = 3
ANSWER_TIMEOUT_S = 30.0
"""Longest wait for the last answers of a run; a server that stalls ends the benchmark."""


def portrait(person: int, picture: int) -> bytes:
    """An ORL face enlarged three times on a grey border of 100 pixels, as JPEG."""
    face = Image.fromarray(People.installed().face(person, picture)).convert("L")
    face = face.resize((face.width * ENLARGED, face.height * ENLARGED), Image.Resampling.LANCZOS)
    canvas = Image.new("L", (face.width + 2 * BORDER_PX, face.height + 2 * BORDER_PX), 128)
    canvas.paste(face, (BORDER_PX, BORDER_PX))
    buffer = io.BytesIO()
    canvas.convert("RGB").save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def get(path: str) -> bytes:
    """A request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: benchmark\r\n\r\n".encode()


def post_form(path: str, fields: dict[str, str], picture: bytes) -> bytes:
    """A form with a picture."""
    parts = [
        f'--limit0\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts.append(b'--limit0\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n\r\n' + picture)
    body = b"".join(parts) + b"\r\n--limit0--\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: benchmark\r\nX-API-Key: {KEY}\r\nContent-Length: {len(body)}\r\n"
        "Content-Type: multipart/form-data; boundary=limit0\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Outcome:
    """What a run of requests came to."""

    latencies_ms: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    elapsed_s: float = 0.0

    def per_second(self) -> float:
        """Requests answered a second."""
        return len(self.latencies_ms) / self.elapsed_s

    def quantile_ms(self, fraction: float) -> float:
        """Latency that this fraction of requests stayed within."""
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


async def run(port: int, requests: Sequence[bytes], *, connections: int, seconds: float) -> Outcome:
    """Send the requests over and over, each connection in turn its own share, for a while."""
    outcome = Outcome()
    started = time.perf_counter()

    async def one(offset: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        turn = offset
        while time.perf_counter() - started < seconds:
            sent = time.perf_counter()
            writer.write(requests[turn % len(requests)])
            turn += 1
            status = await read_answer(reader)
            outcome.latencies_ms.append(1e3 * (time.perf_counter() - sent))
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        writer.close()
        await writer.wait_closed()

    async with asyncio.timeout(seconds + ANSWER_TIMEOUT_S), asyncio.TaskGroup() as group:
        for offset in range(connections):
            group.create_task(one(offset))
    outcome.elapsed_s = time.perf_counter() - started
    return outcome


async def read_answer(reader: asyncio.StreamReader) -> int:
    """Read one answer to its end; its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    lower = head.lower()
    at = lower.index(b"content-length:") + len(b"content-length:")
    await reader.readexactly(int(lower[at : lower.index(b"\r\n", at)]))
    return int(head[9:12])


async def until_ready(port: int, *, timeout_s: float) -> None:
    """Return once the service answers that it is ready.

    Raises:
        TimeoutError: it did not in time.
    """
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                await asyncio.sleep(0.1)
                continue
            writer.write(get("/health/ready"))
            status = await read_answer(reader)
            writer.close()
            if status == 200:
                return
            await asyncio.sleep(0.1)


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
