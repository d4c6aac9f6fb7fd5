"""Fetches a model from its publisher: by https from start to end, within a size and a time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from facepass import __version__
from facepass.domain.errors import ConfigurationError, DependencyUnavailable

Transferred = Callable[[int, int | None], None]
"""Told how many bytes have come, and of how many; None where the publisher does not say."""

_CONNECT_TIMEOUT_S = 15.0
_SILENCE_TIMEOUT_S = 60.0
_TOTAL_TIMEOUT_S = 3600.0
_MAX_REDIRECTS = 5
_CHUNK_BYTES = 1 << 18
_SERVER_ERROR = 500
_BUSY = frozenset({408, 425, 429})
_LOCAL_HINT = "fetch the file elsewhere and give it with --from FILE"


def make_client() -> httpx.Client:
    """A client that honours the user's proxy and certificates (`HTTPS_PROXY`, `SSL_CERT_FILE`)."""
    return httpx.Client(
        timeout=httpx.Timeout(_SILENCE_TIMEOUT_S, connect=_CONNECT_TIMEOUT_S),
        follow_redirects=False,
        headers={"User-Agent": f"facepass/{__version__}", "Accept-Encoding": "identity"},
    )


def download(client: httpx.Client, url: str, target: Path, *, max_bytes: int, transferred: Transferred) -> None:
    """Fetch a file.

    Args:
        client: that follows no redirects by itself.
        url: begins with https://, and so must every address it redirects to.
        target: written as the bytes come.
        max_bytes: more are refused, also when they come unannounced.
        transferred: told now and then.

    Raises:
        DependencyUnavailable: the publisher is out of reach, overloaded, silent or slow: trying again may help.
        ConfigurationError: it has no such file, redirects elsewhere than to https, or sends too much.
        OSError: the file cannot be written.
    """
    deadline = time.monotonic() + _TOTAL_TIMEOUT_S
    host = httpx.URL(url).host
    try:
        with _answer(client, url) as response, target.open("wb") as file:
            total = _announced(response)
            if total is not None and total > max_bytes:
                raise _too_large(url, max_bytes)
            received = 0
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                received += len(chunk)
                if received > max_bytes:
                    raise _too_large(url, max_bytes)
                if time.monotonic() > deadline:
                    raise _out_of_reach(host, f"took longer than {_TOTAL_TIMEOUT_S:.0f} s")
                file.write(chunk)
                transferred(received, total)
    except httpx.TimeoutException as error:
        raise _out_of_reach(host, "does not answer in time") from error
    except httpx.HTTPError as error:
        raise _out_of_reach(host, f"is out of reach ({error})") from error


@contextmanager
def _answer(client: httpx.Client, url: str) -> Iterator[httpx.Response]:
    """The answer behind all redirects."""
    request = client.build_request("GET", url)
    for _ in range(_MAX_REDIRECTS + 1):
        response = client.send(request, stream=True)
        try:
            if response.next_request is None:
                _check_status(response)
                yield response
                return
        finally:
            response.close()
        request = response.next_request
        if request.url.scheme != "https":
            raise ConfigurationError(f"{url} redirects to {request.url.host} without https: refused; {_LOCAL_HINT}.")
    raise ConfigurationError(f"{url} redirects more than {_MAX_REDIRECTS} times: refused; {_LOCAL_HINT}.")


def _check_status(response: httpx.Response) -> None:
    status = response.status_code
    if status >= _SERVER_ERROR or status in _BUSY:
        raise _out_of_reach(response.request.url.host, f"answers {status}")
    if status != httpx.codes.OK:
        raise ConfigurationError(f"{response.request.url} answers {status}: {_LOCAL_HINT}.")


def _announced(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None


def _too_large(url: str, max_bytes: int) -> ConfigurationError:
    return ConfigurationError(f"{url} sends more than the {max_bytes / 1e6:.0f} MB that are expected: refused.")


def _out_of_reach(host: str, what: str) -> DependencyUnavailable:
    return DependencyUnavailable("model source", f"{host} {what}. Check the network, or {_LOCAL_HINT}.")
