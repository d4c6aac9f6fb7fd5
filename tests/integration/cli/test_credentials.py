"""Keys and tokens on the command line: what it prints opens the service that shares the database and the secrets."""

import json

import jwt
import pytest

from facepass.domain.errors import Unauthorized
from facepass.entrypoints.container import build_container
from facepass.entrypoints.lifespan import storage_running
from facepass.entrypoints.settings import Database, Secret, Security, Settings

USAGE, REFUSED = 2, 1
KEY_SECRET, TOKEN_SECRET = "the-secret-under-which-keys-are-kept-41", "the-secret-that-signs-tokens-is-this-27"


@pytest.fixture
def run(facepass, database_url):
    def with_secrets(*arguments, **variables):
        return facepass(
            *arguments, DATABASE_URL=database_url, SECRET_KEY=KEY_SECRET, JWT_SECRET_KEY=TOKEN_SECRET, **variables
        )

    return with_secrets


@pytest.fixture
def service(database_url):
    security = Security(
        api_keys=(Secret("of-no-importance-here"),),
        secret_key=(Secret(KEY_SECRET),),
        jwt_secret_key=(Secret(TOKEN_SECRET),),
    )
    return build_container(Settings(database=Database(database_url=Secret(database_url)), security=security))


async def test_a_key_from_its_making_to_its_end(run, service):
    made = run("keys", "create", "--name", "photo site", "--scope", "index", "--scope", "token", "--days", "30")
    assert made.returncode == 0, made.stderr
    key = made.stdout.removesuffix("\n")
    assert key not in made.stderr
    assert "photo site" in made.stderr
    (listed,) = json.loads(run("keys", "list", "--json").stdout)["keys"]
    assert (listed["name"], listed["scopes"], listed["valid"]) == ("photo site", ["index", "token"], True)
    rotated = json.loads(run("keys", "rotate", listed["prefix"], "--grace-hours", "0", "--json").stdout)
    async with storage_running(service):
        assert (await service.key_authenticator().authenticate(rotated["secret"])).scopes == {"index", "token"}
        with pytest.raises(Unauthorized, match="has expired"):
            await service.key_authenticator().authenticate(key)
    revoked = run("keys", "revoke", rotated["key"]["prefix"])
    assert "revoked" in revoked.stdout
    table = run("keys", "list").stdout
    assert [state in table for state in ("revoked", "expired")] == [True, True]
    assert key.split("_", 2)[2] not in table


def test_what_cannot_be_is_refused(run):
    assert run("keys", "create", "--name", "n").returncode == USAGE
    assert run("keys", "create", "--name", "n", "--scope", "everything").returncode == USAGE
    assert run("keys", "create", "--name", "", "--scope", "index").returncode == USAGE
    unknown = run("keys", "revoke", "fp_unknown_", "--json")
    assert (unknown.returncode, json.loads(unknown.stderr)["code"]) == (REFUSED, "not_found")


async def test_a_token_needs_no_database(facepass, service):
    made = facepass(
        "tokens", "create", "--session", "gala", "--ttl", "60", "--max-searches", "2", JWT_SECRET_KEY=TOKEN_SECRET
    )
    assert made.returncode == 0, made.stderr
    token = made.stdout.removesuffix("\n")
    assert token not in made.stderr
    caller = await service.session_tokens().authenticate(token)
    assert (caller.session_id, caller.max_searches) == ("gala", 2)
    assert jwt.decode(token, TOKEN_SECRET, algorithms=["HS256"])["sub"] == "gala"


def test_secrets_are_made_on_first_use_and_kept(facepass):
    first, second = (facepass("tokens", "create", "--session", "gala") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 0)
    kids = {jwt.get_unverified_header(made.stdout.strip())["kid"] for made in (first, second)}
    assert len(kids) == 1
