"""What only a real server shows: its own clock, callers at once, what keys cost, and that they vanish."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from facepass.adapters.redis.connection import MAX_CONNECTIONS, create_client
from facepass.adapters.redis.rate_limiter import PREFIX, RedisRateLimiter, key_of
from facepass.domain.rate import RateLimit
from tests.clocks import HandClock
from tests.fixtures_valkey import ValkeyServer

HOUR = 3600.0
SUBJECT = "search:address:203.0.113.7"


@pytest.fixture
async def empty_redis(redis: Redis) -> Redis:
    """The session's server with nothing in it."""
    await redis.flushdb()
    return redis


@pytest.fixture
async def replicas(valkey: ValkeyServer, empty_redis: Redis) -> AsyncIterator[list[RedisRateLimiter]]:
    """Limiters of several processes: each has connections of its own."""
    clients = [create_client(valkey.url) for _ in range(3)]
    yield [RedisRateLimiter(client) for client in clients]
    for client in clients:
        await client.aclose()


@pytest.mark.property
@pytest.mark.parametrize("most", [1, 7, 100])
async def test_property_16_many_callers_at_once_are_not_admitted_more_often_than_the_limit(
    replicas: list[RedisRateLimiter], most: int
) -> None:
    limit, hits = RateLimit(most, HOUR), 2 * MAX_CONNECTIONS

    async def caller(limiter: RedisRateLimiter) -> list[int]:
        decisions = [await limiter.hit(SUBJECT, limit) for _ in range(hits // 4)]
        return [decision.remaining for decision in decisions if decision.admitted]

    admitted = await asyncio.gather(*(caller(limiter) for limiter in replicas for _ in range(MAX_CONNECTIONS)))
    # Each of them was told another number of hits that remain: they took turns.
    assert sorted(remaining for told in admitted for remaining in told) == list(range(most))


async def test_replicas_share_a_count(replicas: list[RedisRateLimiter]) -> None:
    limit = RateLimit(3, HOUR)
    assert [(await limiter.hit(SUBJECT, limit)).remaining for limiter in replicas] == [2, 1, 0]
    assert not (await replicas[0].hit(SUBJECT, limit)).admitted


async def test_the_clock_of_the_server_counts(empty_redis: Redis) -> None:
    limiter, limit = RedisRateLimiter(empty_redis), RateLimit(1, HOUR)
    assert (await limiter.hit(SUBJECT, limit)).reset_s == HOUR
    refused = await limiter.hit(SUBJECT, limit)
    assert not refused.admitted
    assert HOUR - 60 < refused.reset_s < HOUR


async def test_a_subject_comes_back_by_the_clock_of_the_server(empty_redis: Redis) -> None:
    limiter, limit = RedisRateLimiter(empty_redis), RateLimit(1, 0.02)
    assert (await limiter.hit(SUBJECT, limit)).admitted
    while not (await limiter.hit(SUBJECT, limit)).admitted:
        pass


async def test_keys_vanish_soon_after_the_window(empty_redis: Redis) -> None:
    limiter, limit = RedisRateLimiter(empty_redis), RateLimit(2, 90.0)
    for _ in range(3):
        await limiter.hit(SUBJECT, limit)
        assert 89_000 < await empty_redis.pttl(key_of(SUBJECT, limit)) <= 91_000


async def test_refused_hits_write_nothing(empty_redis: Redis) -> None:
    clock, limit = HandClock(), RateLimit(1, 90.0)
    limiter = RedisRateLimiter(empty_redis, clock=clock)
    await limiter.hit(SUBJECT, limit)
    await empty_redis.persist(key_of(SUBJECT, limit))
    before = await empty_redis.get(key_of(SUBJECT, limit))
    clock.pass_s(1.0)
    assert not (await limiter.hit(SUBJECT, limit)).admitted
    assert await empty_redis.get(key_of(SUBJECT, limit)) == before
    assert await empty_redis.pttl(key_of(SUBJECT, limit)) == -1


@pytest.mark.parametrize(("hits", "least_bytes"), [(1, 16), (10, 88), (100, 808), (1500, 8008)])
async def test_a_subject_takes_eight_bytes_an_admission(empty_redis: Redis, hits: int, least_bytes: int) -> None:
    limiter, limit = RedisRateLimiter(empty_redis), RateLimit(1000, HOUR)
    for _ in range(hits):
        await limiter.hit(SUBJECT, limit)
    key = key_of(SUBJECT, limit)
    assert await empty_redis.strlen(key) == least_bytes
    # the server gives a growing string up to twice what it needs
    assert await empty_redis.memory_usage(key) < 2 * least_bytes + 200


async def test_keys_tell_nobody_apart(empty_redis: Redis) -> None:
    limiter = RedisRateLimiter(empty_redis)
    await limiter.hit(SUBJECT, RateLimit(100, 60.0))
    await limiter.hit("index:key:" + "x" * 10_000, RateLimit(100, 60.0))
    keys = [key.decode() for key in await empty_redis.keys("*")]
    assert {len(key) for key in keys} == {len(key_of(SUBJECT, RateLimit(100, 60.0)))}
    assert all(key.startswith(f"{PREFIX}:100:60000000:") for key in keys)
    assert not any("203.0.113.7" in key or "xx" in key for key in keys)


async def test_a_server_that_has_forgotten_the_script_is_taught_it_again(empty_redis: Redis) -> None:
    limiter, limit = RedisRateLimiter(empty_redis), RateLimit(3, HOUR)
    await limiter.hit(SUBJECT, limit)
    await empty_redis.script_flush()
    assert (await limiter.hit(SUBJECT, limit)).remaining == 1


async def test_a_clock_that_is_set_back_a_little_stands_still(empty_redis: Redis) -> None:
    clock, limit = HandClock(), RateLimit(2, 60.0)
    limiter = RedisRateLimiter(empty_redis, clock=clock)
    clock.pass_s(100.0)
    await limiter.hit(SUBJECT, limit)
    clock.pass_s(-5.0)
    assert (await limiter.hit(SUBJECT, limit)).reset_s == 60.0
    assert not (await limiter.hit(SUBJECT, limit)).admitted
    clock.pass_s(65.0)
    assert (await limiter.hit(SUBJECT, limit)).remaining == 1


async def test_a_clock_that_is_set_back_far_shuts_nobody_out(empty_redis: Redis) -> None:
    clock, limit = HandClock(), RateLimit(2, 60.0)
    limiter = RedisRateLimiter(empty_redis, clock=clock)
    clock.pass_s(1_000_000.0)
    for _ in range(3):
        await limiter.hit(SUBJECT, limit)
    clock.pass_s(-999_000.0)
    assert [(await limiter.hit(SUBJECT, limit)).admitted for _ in range(3)] == [True, True, False]
