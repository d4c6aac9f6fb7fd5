"""One bounded HTTP exchange with a running service: time limits, size limit, retries, errors translated."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import msgspec

from facepass.domain.errors import ConfigurationError, DependencyUnavailable, Overloaded
from facepass.entrypoints.client.patience import patiently
from facepass.entrypoints.client.problems import SERVICE, OutOfReach, ServiceFailed, error_of

T = TypeVar("T")
Files = Sequence[tuple[str, tuple[str, bytes]]]

FIRST_ERROR_STATUS = 400
API_ROOTS = ("/api/v1", "/api/v2")


@dataclass(frozen=True, slots=True)
class RemoteLimits:
    """What a call may cost.

    Attributes:
        connect_timeout_s: until a connection stands.
        answer_timeout_s: between two packets, up and down.
        retry_budget_s: after the first attempt, until no other is begun.
        max_answer_bytes: of an answer's body.
        max_connections: open at once.
    """

    connect_timeout_s: float = 5.0
    answer_timeout_s: float = 60.0
    retry_budget_s: float = 60.0
    max_answer_bytes: int = 32 * 1024 * 1024
    max_connections: int = 64


def api_base(url: str) -> str:
    """The address below which all routes lie, for a service's address with or without `/api/v1`.

    Raises:
        ConfigurationError: not an http or https address.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{url!r} is not the address of a service: {error}.") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ConfigurationError(f"{url!r} is not the address of a service, such as http://127.0.0.1:8000.")
    base = url.rstrip("/")
    return base if base.endswith(API_ROOTS) else base + API_ROOTS[0]


def is_loopback(url: str) -> bool:
    """Whether an address is one of this machine's own, which no proxy can reach."""
    host = httpx.URL(url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")  # RFC 6761, 6.3


class HttpCalls:
    """Sends requests that are safe to repeat, and repeats them while the service asks for patience."""

    def __init__(
        self,
        base: str,
        *,
        api_key: str | None,
        limits: RemoteLimits,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = base
        self._limits = limits
        self._answered = False
        self._client = httpx.AsyncClient(
            # A proxy of the environment has a loopback of its own: what is asked there would not be this machine.
            trust_env=not is_loopback(base),
            headers={"X-API-Key": api_key} if api_key else {},
            timeout=httpx.Timeout(limits.answer_timeout_s, connect=limits.connect_timeout_s),
            limits=httpx.Limits(max_connections=limits.max_connections),
            transport=transport,
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def call(
        self,
        answer: type[T],
        method: str,
        path: str,
        *,
        form: Mapping[str, str] | None = None,
        files: Files | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """The answer to one request.

        Args:
            answer: type of a successful answer's JSON.
            method: HTTP method; the request must be safe to repeat.
            path: below the base, percent-encoded.
            form: fields of a multipart body.
            files: pictures of a multipart body: field, file name and bytes of each.
            json: a JSON body instead of a multipart one.
            headers: beside the usual ones.

        Raises:
            FacePassError: what the service refused, in the terms of the domain.
            OutOfReach: nothing answers at the address.
            ServiceFailed: the answer is not FacePass's.
        """

        async def attempt() -> bytes:
            content = {"data": dict(form or {}) or None, "files": list(files or ()) or None}
            return await self._exchange(method, path, {"json": json} if json is not None else content, headers or {})

        body = await patiently(attempt, on=(Overloaded, DependencyUnavailable), budget_s=self._limits.retry_budget_s)
        try:
            return msgspec.json.decode(body, type=answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ServiceFailed(f"What answers at {self._base} is not FacePass: {error}.") from error

    async def _exchange(self, method: str, path: str, content: dict[str, Any], headers: Mapping[str, str]) -> bytes:
        try:
            async with self._client.stream(method, self._base + path, headers=dict(headers), **content) as response:
                body = await self._bounded_body(response)
        except httpx.TransportError as error:
            reason = f"{self._base} does not answer ({type(error).__name__})"
            if self._answered:
                raise DependencyUnavailable(SERVICE, f"{reason} any more.", retry_after_s=1) from error
            raise OutOfReach(f"{reason}.") from error
        self._answered = True
        if response.status_code >= FIRST_ERROR_STATUS:
            raise error_of(response.status_code, body, retry_after=response.headers.get("retry-after"))
        return body

    async def _bounded_body(self, response: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._limits.max_answer_bytes:
                raise ServiceFailed(f"The answer holds more than {self._limits.max_answer_bytes:,} bytes.")
        return bytes(body)
