"""Callers at a steady rate, whatever becomes of those before them, and what each of them saw."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx

from tests.chaos.stack import KEYS

SESSION = "chaos"
V1 = "/api/v1"
NO_ANSWER = 0
"""In place of a status: the connection broke, or the caller lost patience."""
CALLER_PATIENCE_S = 60.0
EVERY_S = {"search": 0.5, "upload": 1.0, "s3_key": 1.0, "health": 1.0, "live": 1.0}
"""Between two calls of one kind."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One call.

    Attributes:
        status: of the answer, or `NO_ANSWER`.
        retry_after_s: that the answer named; None for none.
        body: of an answer to `health`, else empty.
        photo_id: that was to be indexed; None where nothing was.
    """

    operation: str
    begun_s: float
    ended_s: float
    status: int
    retry_after_s: int | None
    body: bytes
    photo_id: str | None

    @property
    def took_s(self) -> float:
        return self.ended_s - self.begun_s


@dataclass
class Traffic:
    """Calls every operation for as long as it runs.

    Attributes:
        seen: calls that are over, in the order of their ends.
    """

    client: httpx.AsyncClient
    api_key: str
    pictures: tuple[bytes, ...]
    seen: list[Seen] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _calls: "set[asyncio.Task[None]]" = field(default_factory=set)

    @asynccontextmanager
    async def flowing(self) -> AsyncIterator[None]:
        """Calls come while inside; in the end those that are under way are waited for."""
        callers = [asyncio.create_task(self._come(operation)) for operation in EVERY_S]
        try:
            yield
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, *self._calls, return_exceptions=True)

    async def _come(self, operation: str) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            call = asyncio.create_task(self.call(operation))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)
            due_s += EVERY_S[operation]
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    async def call(self, operation: str) -> None:
        """One call, noted in `seen`."""
        loop, number = asyncio.get_running_loop(), next(self._numbers)
        photo_id = f"photo {number}" if operation in {"upload", "s3_key"} else None
        begun_s = loop.time()
        status, retry_after_s, body = NO_ANSWER, None, b""
        try:
            answer = await self._send(operation, number, photo_id)
        except httpx.TransportError:
            pass
        else:
            status, body = answer.status_code, answer.content if operation == "health" else b""
            retry_after_s = int(answer.headers["retry-after"]) if "retry-after" in answer.headers else None
        self.seen.append(Seen(operation, begun_s, loop.time(), status, retry_after_s, body, photo_id))

    def _send(self, operation: str, number: int, photo_id: str | None) -> Awaitable[httpx.Response]:
        picture = self.pictures[number % len(self.pictures)]
        ways: dict[str, Callable[[], Awaitable[httpx.Response]]] = {
            "search": lambda: self._post("search", {"session_id": SESSION}, picture),
            "upload": lambda: self._post("index", {"session_id": SESSION, "photo_id": photo_id or ""}, picture),
            "s3_key": lambda: self._post(
                "index", {"session_id": SESSION, "photo_id": photo_id or "", "s3_key": KEYS[number % len(KEYS)]}
            ),
            "health": lambda: self.client.get("/health/ready"),
            "live": lambda: self.client.get("/health/live"),
        }
        return ways[operation]()

    async def _post(self, path: str, fields: dict[str, str], picture: bytes | None = None) -> httpx.Response:
        parts: list[tuple[str, tuple[str | None, bytes]]] = []
        parts.extend((name, (None, text.encode())) for name, text in fields.items())
        if picture is not None:
            parts.append(("file", ("photo.jpg", picture)))
        return await self.client.post(f"{V1}/{path}", headers={"X-API-Key": self.api_key}, files=parts)

    async def lost(self) -> list[str]:
        """Photos that were acknowledged and are not there."""
        acknowledged = [one.photo_id for one in self.seen if one.photo_id and one.status == httpx.codes.OK]
        missing = []
        for photo_id in acknowledged:
            answer = await self.client.get(
                f"{V1}/index/{SESSION}/photos/{photo_id}", headers={"X-API-Key": self.api_key}
            )
            if answer.status_code != httpx.codes.OK or not answer.json()["faces_detected"]:
                missing.append(photo_id)
        return missing


def client_of(url: str) -> httpx.AsyncClient:
    """Patient, and with a connection for every caller."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=8)
    return httpx.AsyncClient(base_url=url, timeout=CALLER_PATIENCE_S, limits=limits, trust_env=False)
