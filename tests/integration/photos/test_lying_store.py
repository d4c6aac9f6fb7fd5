"""Whatever answers at the address of the object store: bounded in memory and in time, and sent on to nobody."""

import asyncio
import hashlib
import hmac
import time
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

import pytest
from structlog.testing import capture_logs

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.adapters.s3.object_reader import MAX_ERROR_BYTES, ReadLimits
from facepass.application.retry_budget import MOST_SAVED
from facepass.domain.errors import DependencyUnavailable, FacePassError, NotFound, PayloadTooLarge
from tests.integration.photos.reading import reading

BUCKET, PREFIX = "photos", "2026"
ACCESS_KEY, SECRET_KEY, REGION = "access", "secret", "eu-central-1"
MAX_BYTES = 1 << 20
HASTY = ReadLimits(
    connect_timeout_s=0.2, silence_timeout_s=0.2, total_timeout_s=1.0, first_pause_s=0.001, max_connections=2
)
ALLOWED_S = 5.0
"""Far above the limits and far below for ever: machines are busy at times."""

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Liar:
    """Answers every request in the way of the test.

    Attributes:
        heads: of the requests, as they came.
    """

    answer: Answer
    heads: list[bytes] = field(default_factory=list)
    port: int = 0
    _connections: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def address(self) -> ObjectStoreAddress:
        return ObjectStoreAddress(f"http://127.0.0.1:{self.port}", REGION, ACCESS_KEY, SECRET_KEY)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._connections.add(task)
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                await self.answer(writer)
                await writer.drain()
        writer.close()

    async def hang_up(self) -> None:
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections)


@asynccontextmanager
async def lying(answer: Answer) -> AsyncIterator[Liar]:
    liar = Liar(answer)
    async with await asyncio.start_server(liar.hear, "127.0.0.1", 0) as server:
        liar.port = server.sockets[0].getsockname()[1]
        try:
            yield liar
        finally:
            await liar.hang_up()


def saying(head: str, body: bytes = b"") -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}\r\n\r\n".encode() + body)

    return answer


def for_ever(head: str, piece: bytes, *, pause_s: float = 0.0) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {head}".encode())
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return answer


async def silent(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def hanging_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


CHUNK = b"10000\r\n" + b"x" * 65536 + b"\r\n"
"""A piece of a body of unknown length."""
CHUNKED = "Transfer-Encoding: chunked\r\n\r\n"
REFUSED = b"<Error><Code>AccessDenied</Code></Error>"


async def cost_of(source_of: Liar, error: type[FacePassError]) -> tuple[float, int, str]:
    """Seconds, peak of bytes beyond those of before, and the reason in the log (the last one), of a read that fails."""
    async with reading(source_of.address, BUCKET, PREFIX, max_bytes=MAX_BYTES, limits=HASTY) as source:
        tracemalloc.start()
        started = time.monotonic()
        try:
            with capture_logs() as lines, pytest.raises(error):
                await source.read("a.jpg")
            return time.monotonic() - started, tracemalloc.get_traced_memory()[1], lines[-1]["reason"] if lines else ""
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (saying(f"200 OK\r\nContent-Length: {1 << 40}"), PayloadTooLarge, ""),
        (for_ever(f"200 OK\r\nContent-Length: {MAX_BYTES + 1}\r\n\r\n", b"x" * 65536), PayloadTooLarge, ""),
        (for_ever(f"200 OK\r\n{CHUNKED}", CHUNK), PayloadTooLarge, ""),
        (for_ever("200 OK\r\n\r\n", b"x" * 65536), PayloadTooLarge, ""),
        (for_ever(f"200 OK\r\n{CHUNKED}", b"1\r\nx\r\n", pause_s=0.05), DependencyUnavailable, "longer than 1 s"),
        (saying("200 OK\r\nContent-Length: 100", b"x"), DependencyUnavailable, "ReadTimeout"),
        (for_ever(f"403 Forbidden\r\n{CHUNKED}", CHUNK), DependencyUnavailable, "refuses S3_ACCESS_KEY"),
        (for_ever(f"500 Oops\r\n{CHUNKED}", CHUNK), DependencyUnavailable, "answers 500"),
        (for_ever(f"404 Gone\r\n{CHUNKED}", b"1\r\n<\r\n", pause_s=0.05), DependencyUnavailable, "longer than 1 s"),
        (
            for_ever("200 OK\r\n", b"X-Header: x\r\n" * 1000),
            DependencyUnavailable,
            "does not answer (RemoteProtocolError)",
        ),
        (for_ever("200 OK", b"x" * 65536), DependencyUnavailable, "does not answer (RemoteProtocolError)"),
        (saying("200 OK\r\nContent-Length: many"), DependencyUnavailable, "does not answer (RemoteProtocolError)"),
        (saying("SSH-2.0-OpenSSH_9.2"), DependencyUnavailable, "does not answer (RemoteProtocolError)"),
        (silent, DependencyUnavailable, "does not answer (ReadTimeout)"),
        (hanging_up, DependencyUnavailable, "does not answer (RemoteProtocolError)"),
        (saying("404 Not Found\r\nContent-Length: 4", b"nope"), DependencyUnavailable, "at S3_ENDPOINT says 404"),
    ],
    ids=[
        *("announces a terabyte", "announces too much and sends it", "chunks for ever", "no length and no end"),
        *("a byte now and then", "ends too early", "an endless refusal", "an endless failure", "a slow refusal"),
        *("endless headers", "an endless status", "no length at all", "another protocol", "silence", "hangs up"),
        "another server",
    ],
)
async def test_neither_memory_nor_time_runs_away(answer: Answer, error: type[FacePassError], reason: str) -> None:
    async with lying(answer) as liar:
        took_s, peak_bytes, logged = await cost_of(liar, error)
    assert took_s < ALLOWED_S
    assert peak_bytes < 3 * MAX_BYTES
    assert reason in logged
    assert len(liar.heads) <= HASTY.attempts


async def test_no_more_than_was_announced_is_taken() -> None:
    async with (
        lying(saying("200 OK\r\nContent-Length: 5", b"photo" + b"x" * 4096)) as liar,
        reading(liar.address, BUCKET) as source,
    ):
        for _ in range(3):  # nor does what came too much spoil the next answer
            assert await source.read("a.jpg") == b"photo"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nobody_is_asked_but_the_store_wherever_it_sends(status: int) -> None:
    async with lying(saying("200 OK\r\nContent-Length: 6", b"secret")) as other:
        location = f"http://127.0.0.1:{other.port}/latest/meta-data"
        answer = saying(f"{status} Elsewhere\r\nLocation: {location}\r\nContent-Length: 0")
        async with lying(answer) as liar:
            _, _, logged = await cost_of(liar, DependencyUnavailable)
    assert "sends us elsewhere" in logged
    assert other.heads == []


async def test_an_error_is_understood_by_its_beginning() -> None:
    late = b" " * MAX_ERROR_BYTES + b"<Code>NoSuchKey</Code>"
    for body, error in ((b"<Error><Code>NoSuchKey</Code>", NotFound), (late, DependencyUnavailable)):
        async with (
            lying(saying(f"404 Not Found\r\nContent-Length: {len(body)}", body)) as liar,
            reading(liar.address, BUCKET) as source,
        ):
            with pytest.raises(error):
                await source.read("a.jpg")


@pytest.mark.parametrize("code", ["InvalidObjectName", "KeyTooLongError"])
async def test_a_name_that_the_store_does_not_take_is_not_there(code: str) -> None:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    async with (
        lying(saying(f"400 Bad Request\r\nContent-Length: {len(body)}", body)) as liar,
        reading(liar.address, BUCKET) as source,
    ):
        with pytest.raises(NotFound):
            await source.read("a.jpg")


async def test_what_passes_is_waited_out() -> None:
    answers = [
        saying("503 Slow Down\r\nContent-Length: 28", b"<Error><Code>SlowDown</Code>"),
        hanging_up,
        saying("200 OK\r\nContent-Length: 5", b"photo"),
    ]

    async def one_after_another(writer: asyncio.StreamWriter) -> None:
        await answers.pop(0)(writer)

    async with (
        lying(one_after_another) as liar,
        reading(liar.address, BUCKET, limits=HASTY) as source,
    ):
        assert await source.read("a.jpg") == b"photo"


async def test_a_connection_that_the_store_closed_meanwhile_is_replaced() -> None:
    async def once(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nphoto")
        await writer.drain()
        writer.close()

    async with lying(once) as liar, reading(liar.address, BUCKET, limits=HASTY) as source:
        for _ in range(3):
            assert await source.read("a.jpg") == b"photo"


async def test_a_silent_store_is_asked_once() -> None:
    async with lying(silent) as liar, reading(liar.address, BUCKET, limits=HASTY) as source:
        with pytest.raises(DependencyUnavailable):
            await source.read("a.jpg")
        assert len(liar.heads) == 1


async def test_a_store_that_keeps_failing_is_asked_again_only_within_a_budget() -> None:
    async with lying(hanging_up) as liar, reading(liar.address, BUCKET, limits=HASTY) as source:
        for _ in range(30):
            with pytest.raises(DependencyUnavailable):
                await source.read("a.jpg")
        assert 30 + MOST_SAVED // 2 < len(liar.heads) <= 30 + MOST_SAVED


async def test_a_slow_photo_keeps_nobody_from_the_others() -> None:
    async def some_slow(writer: asyncio.StreamWriter) -> None:
        slow = b"slow" in liar.heads[-1]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + (b"p" if slow else b"photo"))

    async with lying(some_slow) as liar, reading(liar.address, BUCKET, limits=HASTY) as source:
        with pytest.raises(DependencyUnavailable):
            await source.read("slow.jpg")
        assert await source.read("a.jpg") == b"photo"


async def test_cookies_are_not_kept() -> None:
    async with (
        lying(saying("200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 5", b"photo")) as liar,
        reading(liar.address, BUCKET) as source,
    ):
        for _ in range(2):
            await source.read("a.jpg")
    assert not any(b"cookie" in head.lower() for head in liar.heads)


def signature_of(head: bytes) -> tuple[str, str]:
    """The signature a request came with, and the one it should have: AWS Signature Version 4, from its description."""
    line, *lines = head.decode("ascii").split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in lines if text)}
    algorithm, _, rest = headers["authorization"].partition(" ")
    given = dict(part.strip().split("=", 1) for part in rest.split(","))
    _, day, region, service, ending = given["Credential"].split("/")
    signed = given["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            *(method, target, ""),
            *(f"{name}:{headers[name]}" for name in signed),
            *("", ";".join(signed), headers["x-amz-content-sha256"]),
        ]
    )
    text = "\n".join(
        [
            *(algorithm, headers["x-amz-date"], f"{day}/{region}/{service}/{ending}"),
            hashlib.sha256(canonical.encode()).hexdigest(),
        ]
    )
    key = f"AWS4{SECRET_KEY}".encode()
    for part in (day, region, service, ending):
        key = hmac.digest(key, part.encode(), "sha256")
    return given["Signature"], hmac.digest(key, text.encode(), "sha256").hex()


@pytest.mark.parametrize(
    "key",
    [
        *("a.jpg", "summer party/ü 🙂.png", "u\u0308.jpg", "%2e%2e/a.jpg", "..%2f..%2fa.jpg", "100%.jpg", "a%00b"),
        *("a?b", "a.jpg?versionId=1", "a#b", "a+b c", "a&b=c", "a;b", "a:b@c", "~/a", "*'()!", "a\\b", "．．/a"),
        *("http:", "...", "a..b", " ", "[::1]", '"<>^`{|}', "$IFS,"),
    ],
)
async def test_the_signed_path_is_prefix_and_key_byte_for_byte(key: str) -> None:
    async with (
        lying(saying("200 OK\r\nContent-Length: 5", b"photo")) as liar,
        reading(liar.address, BUCKET, PREFIX) as source,
    ):
        await source.read(key)
    (head,) = liar.heads
    method, target, version = head.partition(b"\r\n")[0].split(b" ")
    assert (method, version) == (b"GET", b"HTTP/1.1")
    assert unquote_to_bytes(target) == f"/{BUCKET}/{PREFIX}/{key}".encode()
    assert target.count(b"/") == 3 + key.count("/")
    assert not set(target) & set(b"?#\\;&+ ")
    given, expected = signature_of(head)
    assert given == expected
    assert f"Host: 127.0.0.1:{liar.port}\r\n".encode() in head
