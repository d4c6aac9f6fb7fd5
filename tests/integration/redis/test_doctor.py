"""What `facepass doctor` says of the place where calls are counted."""

from facepass.entrypoints.cli.checks import rate_limits
from facepass.entrypoints.cli.checks.check import State
from facepass.entrypoints.settings import Redis, Secret, Settings
from tests.fixtures_valkey import ValkeyServer


def at(url: str) -> Settings:
    return Settings(redis=Redis(redis_url=Secret(url)))


async def test_without_redis_each_process_counts_for_itself() -> None:
    found = await rate_limits.check(Settings())
    assert (found.state, found.remedy) == (State.OK, None)
    assert "REDIS_URL" in found.detail


async def test_a_redis_that_answers(valkey: ValkeyServer) -> None:
    assert (await rate_limits.check(at(valkey.url))).state is State.OK


async def test_a_redis_that_is_away_is_a_warning_for_the_service_goes_on(own_valkey: ValkeyServer) -> None:
    own_valkey.kill()
    found = await rate_limits.check(at(own_valkey.url))
    assert found.state is State.WARN
    assert own_valkey.url not in f"{found.detail} {found.remedy}"


async def test_an_address_that_is_none_is_a_fault() -> None:
    found = await rate_limits.check(at("http://:hunter2-hunter2@h"))
    assert found.state is State.FAIL
    assert "hunter2" not in found.detail
