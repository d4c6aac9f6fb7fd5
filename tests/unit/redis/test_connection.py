"""Which addresses are taken, and that none of them, nor any password, shows."""

import pytest
from redis.asyncio import SSLConnection
from redis.asyncio.connection import UnixDomainSocketConnection

from facepass.adapters.redis.connection import MAX_CONNECTIONS, SOCKET_TIMEOUT_S, create_client
from facepass.domain.errors import ConfigurationError

PASSWORD = "hunter2"  # noqa: S105 - to be looked for where it must not be


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://h", {"host": "h"}),
        ("redis://h:1/", {"host": "h", "port": 1}),
        ("redis://:hunter2@h:1/3", {"password": PASSWORD, "host": "h", "port": 1, "db": 3}),
        ("redis://me:hunter%3F@[::1]/0", {"username": "me", "password": "hunter?", "host": "::1", "db": 0}),
        ("redis://h?db=4", {"host": "h", "db": 4}),
        ("rediss://h", {"host": "h"}),
        ("rediss://h?ssl_ca_certs=/ca.pem", {"host": "h", "ssl_ca_certs": "/ca.pem"}),
        ("unix://me:hunter2@/run/redis.sock", {"username": "me", "password": PASSWORD, "path": "/run/redis.sock"}),
    ],
)
def test_an_address_is_understood(url: str, expected: dict[str, object]) -> None:
    options = create_client(url).connection_pool.connection_kwargs
    names = ("host", "port", "db", "username", "password", "path", "ssl_ca_certs")
    assert {name: options[name] for name in names if name in options} == expected


def test_the_scheme_chooses_the_way() -> None:
    assert create_client("rediss://h").connection_pool.connection_class is SSLConnection
    assert create_client("unix:///s").connection_pool.connection_class is UnixDomainSocketConnection


def test_every_wait_is_bounded_and_nothing_is_repeated() -> None:
    pool = create_client("redis://h").connection_pool
    assert (pool.max_connections, pool.timeout) == (MAX_CONNECTIONS, SOCKET_TIMEOUT_S)
    for name in ("socket_timeout", "socket_connect_timeout"):
        assert pool.connection_kwargs[name] == SOCKET_TIMEOUT_S
    assert pool.make_connection().retry.get_retries() == 0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter2",
        "http://:hunter2@h",
        "redis://",
        "redis://:hunter2@/0",
        "redis://:hunter2/x@h",
        "redis://:hunter2@h:x",
        "redis://:hunter2@h:99999",
        "redis://:hunter2@h/name",
        "redis://:hunter2@h/0/1",
        "redis://h?db=hunter2",
        "redis://h?hunter2=1",
        "redis://h?socket_timeout=60",
        "redis://h?max_connections=1",
        "redis://h?ssl_ca_certs=/hunter2",
        "rediss://h?ssl_cert_reqs=hunter2",
        "unix://",
    ],
)
def test_what_is_no_address_is_refused_without_telling_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL, or REDIS_HOST, is no address") as refused:
        create_client(url)
    assert PASSWORD not in str(refused.value)
    assert refused.value.__suppress_context__


@pytest.mark.parametrize("url", ["redis://me:hunter2@h", "rediss://:hunter2@h", "unix://me:hunter2@/s"])
def test_no_password_shows(url: str) -> None:
    client = create_client(url)
    pool = client.connection_pool
    assert not any(PASSWORD in shown for shown in (repr(client), repr(pool), repr(pool.make_connection())))
