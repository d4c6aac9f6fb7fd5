"""A Redis that dies, hangs or refuses: the limiter says so within its time limit, and the service stays open."""

import asyncio
import io
import time
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry
from redis.asyncio import Redis

from facepass.adapters.redis.connection import CALL_TIMEOUT_S, DEPENDENCY, MAX_CONNECTIONS, create_client
from facepass.adapters.redis.rate_limiter import RedisRateLimiter
from facepass.adapters.redis.readiness import RedisReadiness
from facepass.adapters.resilience.breaker import BreakerLimits, CircuitBreaker
from facepass.adapters.resilience.metrics import BreakerMetrics
from facepass.adapters.resilience.rate_limiter import GuardedRateLimiter
from facepass.adapters.telemetry.rarely import WARN_EVERY_S
from facepass.adapters.telemetry.rate_limiter import FailOpenRateLimiter
from facepass.domain.errors import DependencyUnavailable
from facepass.domain.rate import RateDecision, RateLimit
from facepass.entrypoints import logs
from facepass.entrypoints.settings import Logging
from tests.clocks import HandClock
from tests.fixtures_valkey import ValkeyServer

LIMIT = RateLimit(3, 3600.0)
SUBJECT = "search:address:203.0.113.7"
OPEN_S = BreakerLimits().open_s
OPEN = RateDecision(True, LIMIT, remaining=3, reset_s=0.0)
PATIENCE_S = 5.0
"""A busy machine may come late to a time-out."""


@pytest.fixture
async def client(own_valkey: ValkeyServer) -> AsyncIterator[Redis]:
    opened = create_client(own_valkey.url)
    yield opened
    await opened.aclose()


@pytest.fixture
def log(logging_as_before: None) -> io.StringIO:
    stream = io.StringIO()
    logs.configure(Logging(log_format="json"), stream)
    return stream


class Guarded:
    """A Redis limiter as the service wires it, with what it counts and a clock to set."""

    def __init__(self, client: Redis) -> None:
        self.clock = HandClock()
        self._registry = CollectorRegistry()
        breaker = CircuitBreaker(
            DEPENDENCY, probe=RedisReadiness(client), clock=self.clock, metrics=BreakerMetrics(self._registry)
        )
        guarded = GuardedRateLimiter(RedisRateLimiter(client), breaker)
        self._limiter = FailOpenRateLimiter(guarded, clock=self.clock, registry=self._registry)

    async def hit(self) -> RateDecision:
        return await self._limiter.hit(SUBJECT, LIMIT)

    @property
    def failures(self) -> float:
        return self._registry.get_sample_value("dependency_failures_total", {"dependency": "redis"}) or 0.0

    def decisions(self, decision: str) -> float:
        labels = {"kind": "search", "decision": decision}
        return self._registry.get_sample_value("rate_limit_decisions_total", labels) or 0.0


async def test_a_killed_server_is_an_outage_and_a_new_one_ends_it(client: Redis, own_valkey: ValkeyServer) -> None:
    limiter, readiness = RedisRateLimiter(client), RedisReadiness(client)
    await limiter.hit(SUBJECT, LIMIT)
    await readiness.check()
    own_valkey.kill()
    for _ in range(2):
        with pytest.raises(DependencyUnavailable, match="Redis cannot be reached") as outage:
            await limiter.hit(SUBJECT, LIMIT)
        assert outage.value.dependency == "redis"
        with pytest.raises(DependencyUnavailable, match="Redis cannot be reached"):
            await readiness.check()
    own_valkey.start()
    assert (await limiter.hit(SUBJECT, LIMIT)).remaining == 2
    await readiness.check()


async def test_the_service_stays_open_counts_it_and_comes_back_by_itself(
    client: Redis, own_valkey: ValkeyServer, log: io.StringIO
) -> None:
    guarded = Guarded(client)
    for _ in range(4):
        await guarded.hit()
    assert (guarded.decisions("admitted"), guarded.decisions("refused"), guarded.failures) == (3, 1, 0)
    own_valkey.kill()
    seconds = 2 * round(WARN_EVERY_S)
    for _ in range(seconds):
        assert await guarded.hit() == OPEN
        assert await guarded.hit() == OPEN
        guarded.clock.pass_s(OPEN_S)
    # once a second, and before the breaker opened twice
    assert (guarded.decisions("unchecked"), guarded.failures) == (2 * seconds, seconds + 1)
    warnings = [line for line in log.getvalue().splitlines() if "rate_limits_not_kept" in line]
    assert len(warnings) == 2
    assert all('"dependency": "redis"' in line and '"level": "warning"' in line for line in warnings)
    assert not any("127.0.0.1" in line or "203.0.113" in line for line in warnings)
    own_valkey.start()
    assert (await guarded.hit()).remaining == 2


async def test_a_server_that_hangs_is_waited_for_no_longer_than_the_time_limit(
    client: Redis, own_valkey: ValkeyServer
) -> None:
    limiter, readiness = RedisRateLimiter(client), RedisReadiness(client)
    await limiter.hit(SUBJECT, LIMIT)
    own_valkey.hold()
    for ask in (lambda: limiter.hit(SUBJECT, LIMIT), readiness.check):
        started = time.monotonic()
        with pytest.raises(DependencyUnavailable, match="did not answer within the time limit"):
            await ask()
        assert time.monotonic() - started < CALL_TIMEOUT_S + PATIENCE_S
    own_valkey.go_on()
    await readiness.check()
    assert (await limiter.hit(SUBJECT, RateLimit(4, 3600.0))).remaining == 3


async def test_a_server_that_hangs_under_many_callers_holds_up_each_once(
    client: Redis, own_valkey: ValkeyServer
) -> None:
    guarded = Guarded(client)
    await guarded.hit()
    own_valkey.hold()
    started = time.monotonic()
    decisions = await asyncio.gather(*(guarded.hit() for _ in range(4 * MAX_CONNECTIONS)))
    assert time.monotonic() - started < CALL_TIMEOUT_S + PATIENCE_S
    assert decisions == [OPEN] * len(decisions)
    failures = guarded.failures
    assert await guarded.hit() == OPEN
    assert guarded.failures == failures  # it was not asked
    own_valkey.go_on()
    guarded.clock.pass_s(OPEN_S)
    assert (await guarded.hit()).remaining < LIMIT.most


async def test_a_caller_that_leaves_spoils_no_connection(client: Redis, own_valkey: ValkeyServer) -> None:
    limiter = RedisRateLimiter(client)
    await limiter.hit("somebody else", LIMIT)
    own_valkey.hold()
    leaving = [asyncio.ensure_future(limiter.hit("left", LIMIT)) for _ in range(2 * MAX_CONNECTIONS)]
    await asyncio.sleep(0)
    for caller in leaving:
        caller.cancel()
    await asyncio.gather(*leaving, return_exceptions=True)
    own_valkey.go_on()
    for remaining in (2, 1, 0):
        assert (await limiter.hit(SUBJECT, LIMIT)).remaining == remaining


@pytest.mark.parametrize(
    ("setting", "value", "meaning"),
    [
        ("maxmemory", "1", "Redis is out of memory"),
        ("replicaof", "127.0.0.1 1", "it is a replica"),
        ("requirepass", "changed", "Redis refuses our credentials"),
    ],
)
async def test_what_redis_refuses_is_an_outage_in_words(
    client: Redis, own_valkey: ValkeyServer, setting: str, value: str, meaning: str
) -> None:
    if setting == "replicaof":
        await client.execute_command("REPLICAOF", *value.split())
    else:
        await client.config_set(setting, value)
    another = create_client(own_valkey.url)
    with pytest.raises(DependencyUnavailable, match=meaning):
        await RedisRateLimiter(another).hit(SUBJECT, LIMIT)
    await another.aclose()
