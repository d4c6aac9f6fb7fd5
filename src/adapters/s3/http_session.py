"""The vendor's HTTP session, kept on the host it was sent to, and from reading without an end.

Left alone it follows redirects to any host, and takes into memory whatever an answer holds that is to be parsed; and
where an answer says that the bucket is elsewhere, the vendor's client asks around, which never ends with a store that
says so each time. The session cannot be configured so, but another can be named in its place.
"""

from typing import Any

import aiohttp
from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped] # it has no types

from facepass.adapters.s3.address import REFUSALS
from facepass.domain.errors import ConfigurationError

MAX_PARSED_BYTES = 16 << 20
"""Of an answer that is parsed. A page of 1,000 names of 1,024 bytes, each written as `%xx`, has 4 MiB."""
_CHUNK_BYTES = 1 << 16


class BoundSession(AIOHTTPSession):  # type: ignore[misc] # it has no types
    """Goes where the address says, and gives up answers that are too long to be parsed."""

    async def send(self, request: Any) -> Any:
        """Send a request.

        Raises:
            ConfigurationError: the answer sends us elsewhere.
        """
        if request.method == "HEAD":  # of ours none is: the client asks where the bucket is
            raise ConfigurationError(f"{REFUSALS['PermanentRedirect']}: the object store says that it is elsewhere")
        answer = await super().send(request)
        if answer.status_code in range(300, 400):
            detail = f"{REFUSALS['PermanentRedirect']}: whoever answers sends us elsewhere ({answer.status_code})"
            raise ConfigurationError(detail)
        return answer

    async def _get_session(  # pyright: ignore[reportIncompatibleMethodOverride] - all that is asked of it is here
        self, proxy_url: str | None
    ) -> "_Client":
        return _Client(await super()._get_session(proxy_url))


class _Client:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> "_Answer":
        return _Answer(await self._session.request(method, allow_redirects=False, **options))


class _Answer:
    """An answer whose body is read at once within limits; in pieces, as that of an object is, it is the vendor's."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    async def read(self) -> bytes:
        gathered = bytearray()
        async for chunk in self._response.content.iter_chunked(_CHUNK_BYTES):
            gathered += chunk
            if len(gathered) > MAX_PARSED_BYTES:
                self._response.close()
                # what the vendor takes for a connection that broke off
                raise aiohttp.ClientPayloadError(f"the answer has more than {MAX_PARSED_BYTES} bytes")
        return bytes(gathered)
