"""Where a database is, said twice: to the driver with the password, to programs without."""

import pytest

from facepass.adapters.backup.address import DatabaseAddress
from facepass.domain.errors import ConfigurationError

PLAIN = "postgresql://role:p%40ss%2Fword@db.example:5433/photos?sslmode=require"


@pytest.mark.parametrize(
    ("url", "argument"),
    [
        (PLAIN, "postgresql://role@db.example:5433/photos?sslmode=require"),
        ("postgresql://role@[::1]/photos?password=p%40ss%2Fword", "postgresql://role@[::1]/photos"),
        ("postgresql+asyncpg://role:p%40ss%2Fword@a:1,b:2/photos", "postgresql://role@a:1,b:2/photos"),
    ],
)
def test_the_password_is_in_the_environment_only(url, argument):
    database, environment = DatabaseAddress(url).for_programs()

    assert database == argument
    assert environment["PGPASSWORD"] == "p@ss/word"
    assert "ss" not in repr(DatabaseAddress(url)).replace("sslmode", "").replace("Address", "")


def test_without_a_password_libpq_looks_for_it_itself(monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    monkeypatch.setenv("PGPASSFILE", "/etc/facepass/pgpass")
    monkeypatch.setenv("API_KEYS", "nobody else's business")

    _, environment = DatabaseAddress("postgres://role@db/photos", "verify-full", timeout_s=0.5).for_programs()

    assert "PGPASSWORD" not in environment
    assert environment["PGPASSFILE"] == "/etc/facepass/pgpass"
    assert environment["PGSSLMODE"] == "verify-full"
    assert environment["PGCONNECT_TIMEOUT"] == "2"
    assert "API_KEYS" not in environment


@pytest.mark.parametrize(
    ("url", "name"),
    [
        (PLAIN, "photos"),
        ("postgresql://db/a%20b", "a b"),
        ("postgresql://db", ""),
        ("postgresql://db/?dbname=asked", "asked"),
    ],
)
def test_another_database_of_the_same_server(url, name):
    address = DatabaseAddress(url)

    assert address.name == name
    other = address.named('odd "name"/x')
    assert other.name == 'odd "name"/x'
    assert (
        other.for_programs()[0].partition("/odd")[0]
        == address.for_programs()[0].partition("/")[0]
        + "//"
        + (address.for_programs()[0].partition("//")[2].partition("/")[0])
    )


def test_what_is_no_address_is_refused():
    with pytest.raises(ConfigurationError, match="postgresql://"):
        DatabaseAddress("mysql://db/photos")
