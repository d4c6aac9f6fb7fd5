"""Reads objects of one bucket, within a size and a time, whatever answers at its address.

An HTTP client of its own instead of the vendor's, which follows redirects to any host and reads answers that are errors
to their end, however long they are.
"""

import asyncio
import re
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from io import BytesIO

import httpx
import stamina

from facepass.adapters.s3.address import MISSING, PASSING, REFUSALS
from facepass.adapters.s3.bucket import Bucket
from facepass.application.retry_budget import RetryBudget
from facepass.domain.errors import ConfigurationError, DependencyUnavailable, FacePassError, NotFound, PayloadTooLarge

DEPENDENCY = "photos"
MAX_ERROR_BYTES = 16 * 1024
"""Read of an answer that is an error, for its code."""
_CODE = re.compile(rb"<Code>([A-Za-z0-9]{1,64})</Code>")
_NO_NAME = frozenset({"InvalidObjectName", "InvalidURI", "KeyTooLongError", "XMinioInvalidObjectName"})
"""Codes of stores that take fewer names than S3: they hold nothing under the others."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """What reading may cost.

    Attributes:
        connect_timeout_s: until a connection stands.
        silence_timeout_s: between two packets.
        total_timeout_s: of one object, from the call to its last byte, with all attempts and waiting for a connection.
        attempts: at one object, where the store refused the connection, broke it off or was overloaded. One that is
            silent is not asked again: that would double the wait for nothing.
        first_pause_s: before the second attempt; longer before each further one, and jittered.
        max_connections: open at once; others wait.
    """

    connect_timeout_s: float = 3.0
    silence_timeout_s: float = 6.0
    total_timeout_s: float = 30.0
    attempts: int = 3
    first_pause_s: float = 0.1
    max_connections: int = 8


class _Passing(DependencyUnavailable):
    """Another attempt may succeed."""

    def __init__(self, detail: str) -> None:
        super().__init__(DEPENDENCY, detail)


class ObjectReader:
    """A client of one bucket. Details of its errors are for operators."""

    def __init__(self, bucket: Bucket, *, limits: ReadLimits | None = None) -> None:
        self._bucket = bucket
        self._limits = limits = limits or ReadLimits()
        self._budget = RetryBudget()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(limits.silence_timeout_s, connect=limits.connect_timeout_s, pool=None),
            limits=httpx.Limits(max_connections=limits.max_connections),
            follow_redirects=False,
            # compressed on the way, the bytes would not be the object's
            headers={"Accept-Encoding": "identity"},
            # a client that lives as long as the service would gather whatever cookies it is given
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )
        self._retrying = stamina.AsyncRetryingCaller(
            attempts=limits.attempts, timeout=None, wait_initial=limits.first_pause_s, wait_jitter=limits.first_pause_s
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def read(self, key: str, *, max_bytes: int) -> bytes:
        """An object's bytes.

        Raises:
            NotFound: there is no such object.
            PayloadTooLarge: it has more than `max_bytes`; no more than that was read.
            ConfigurationError: the store refuses us; what an operator can do about it.
            DependencyUnavailable: it is out of reach, overloaded, silent or slow.
        """

        async def attempt() -> bytes:
            return await self._attempt(key, max_bytes)

        def worth_another(error: Exception) -> bool:
            return isinstance(error, _Passing) and self._budget.spend()

        limit_s = self._limits.total_timeout_s
        try:
            async with asyncio.timeout(limit_s):
                data = await self._retrying(worth_another, attempt)
        except TimeoutError as error:
            raise DependencyUnavailable(DEPENDENCY, f"reading took longer than {limit_s:g} s") from error
        self._budget.earn()
        return data

    async def _attempt(self, key: str, max_bytes: int) -> bytes:
        url = self._bucket.url_of(key)
        request = self._client.build_request("GET", url, headers=self._bucket.signed_headers(url))
        try:
            response = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise _failure("the object store does not answer", error) from error
        try:
            if response.status_code != httpx.codes.OK:
                raise _refusal(response.status_code, await _beginning(response))
            return await _whole(response, max_bytes)
        except httpx.TransportError as error:
            raise _failure("the object store's answer broke off", error) from error
        finally:
            await response.aclose()


def _failure(what: str, error: httpx.TransportError) -> DependencyUnavailable:
    detail = f"{what} ({_cause(error)})"
    return DependencyUnavailable(DEPENDENCY, detail) if isinstance(error, httpx.TimeoutException) else _Passing(detail)


def _cause(error: httpx.TransportError) -> str:
    """In words only where they are of names and certificates: those of other errors may quote the answer."""
    name = type(error).__name__
    return f"{name}: {error}" if isinstance(error, httpx.ConnectError) else name


async def _whole(response: httpx.Response, max_bytes: int) -> bytes:
    announced = response.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise PayloadTooLarge(f"the object has {int(announced)} bytes")
    gathered = BytesIO()
    async for chunk in response.aiter_raw():
        if gathered.tell() + len(chunk) > max_bytes:
            raise PayloadTooLarge(f"the object has more than {max_bytes} bytes")
        gathered.write(chunk)
    return gathered.getvalue()


async def _beginning(response: httpx.Response) -> bytes:
    gathered = bytearray()
    async for chunk in response.aiter_raw():
        gathered += chunk
        if len(gathered) >= MAX_ERROR_BYTES:
            break
    return bytes(gathered[:MAX_ERROR_BYTES])


def _refusal(status: int, body: bytes) -> FacePassError:
    found = _CODE.search(body)
    code = found[1].decode("ascii") if found else str(status)
    if code in _NO_NAME or (status == httpx.codes.NOT_FOUND and found and code in MISSING):
        return NotFound("there is no such object")
    if code in PASSING or status >= httpx.codes.INTERNAL_SERVER_ERROR or status == httpx.codes.TOO_MANY_REQUESTS:
        return _Passing(f"the object store answers {code}")
    if status in range(300, 400):
        return ConfigurationError(f"{REFUSALS['PermanentRedirect']}: whoever answers sends us elsewhere ({code})")
    return ConfigurationError(REFUSALS.get(code, f"what answers at S3_ENDPOINT says {code}"))
