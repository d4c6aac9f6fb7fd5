"""Rate limits that all replicas share: each hit is one round trip to a script, which Redis runs undisturbed.

A subject is one string: how often it was admitted, then a ring of the times of its last admissions, 8 bytes each. As
admissions are in order, whether one more fits, how many do, and when the next one will, are found by looking at a few.
"""

import hashlib
from typing import cast

from redis.asyncio import Redis

from facepass.adapters.redis.connection import bounded
from facepass.application.ports import Clock
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import MICROSECONDS, RateDecision, RateLimit

PREFIX = "facepass:rate"
DIGEST_BYTES = 16

# Times are microseconds, as doubles: these hold them exactly for 285 years from 1970.
SCRIPT = """
local key, most, window = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000000 + time[2]
end

local function read(place)
    local packed = redis.call('GETRANGE', key, 8 * place, 8 * place + 7)
    return #packed == 8 and struct.unpack('>d', packed) or 0
end
local function write(place, number)
    redis.call('SETRANGE', key, 8 * place, struct.pack('>d', number))
end
local function place_of(admission)
    return 1 + admission % most
end

local admitted = read(0)
if admitted > 0 then
    -- A clock that was set back stands still until it has caught up, or begins anew where that would take too long.
    local newest = read(place_of(admitted - 1))
    if newest > now + window then admitted = 0 else now = math.max(now, newest) end
end

-- The oldest admission within the window. Most often it is the oldest there is, so that is looked at first.
local oldest, past = math.max(0, admitted - most), admitted
local middle = oldest
while oldest < past do
    if read(place_of(middle)) > now - window then past = middle else oldest = middle + 1 end
    middle = math.floor((oldest + past) / 2)
end

local admit = admitted - oldest < most
if admit then
    write(place_of(admitted), now)
    admitted = admitted + 1
    write(0, admitted)
    -- A second more than the window: expiry goes by another reading of the clock than `now`.
    redis.call('PEXPIRE', key, math.ceil(window / 1000) + 1000)
end
return {admit and 1 or 0, most - (admitted - oldest), read(place_of(oldest)) + window - now}
"""


class RedisRateLimiter(RateLimiter):
    """Counts in Redis, by the clock of Redis.

    A key names the limit, so one that is changed begins afresh, and a digest in place of the subject: keys have one
    length, and neither addresses nor names stand in what Redis logs and writes to disk.

    Args:
        client: of a Redis that all replicas use, of version 5 or newer.
        clock: for tests only: its `elapsed_s` counts in place of the clock of Redis, and replicas would have to agree
            on it. Keys expire by the clock of Redis all the same.
    """

    def __init__(self, client: Redis, *, clock: Clock | None = None) -> None:
        self._client = client
        self._script = client.register_script(SCRIPT)
        self._clock = clock

    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        """See `RateLimiter.hit`."""
        now_us = "" if self._clock is None else round(self._clock.elapsed_s() * MICROSECONDS)
        async with bounded(self._client):
            answer = await self._script(keys=[key_of(subject, limit)], args=[limit.most, limit.window_us, now_us])
        admitted, remaining, reset_us = cast("list[int]", answer)
        return RateDecision(bool(admitted), limit, remaining, reset_us / MICROSECONDS)


def key_of(subject: str, limit: RateLimit) -> str:
    """The key under which the admissions of a subject are."""
    digest = hashlib.blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES).hexdigest()
    return f"{PREFIX}:{limit.most}:{limit.window_us}:{digest}"
