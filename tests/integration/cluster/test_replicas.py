"""Replicas keep nothing to themselves: whichever is asked, the answer is the same, at once."""

import asyncio
import random
import time
from collections import Counter

import httpx

from tests.integration.cluster.support import (
    BUCKET,
    RATE_LIMIT_SEARCH,
    V1,
    Cluster,
    Portrait,
    caller,
    callers,
    found,
    index,
    search,
)
from tests.tasks import until

STEPS = 30
PEOPLE = (1, 2, 3)
PHOTOS = ("a", "b", "c", "d", "e")
REVOKED_WITHIN_S = 1.0
JOB_TIMEOUT_S = 60.0
BUSY_S = 1.0
"""What a busy machine may add."""


async def test_what_one_replica_stores_or_erases_every_other_knows_at_once(
    cluster: Cluster, portrait: Portrait
) -> None:
    draw = random.Random(6)  # noqa: S311 - the same steps in every run
    stored: dict[str, int] = {}
    kinds: Counter[str] = Counter()
    async with callers(cluster) as clients:
        for step in range(STEPS):
            writer, *readers = draw.sample(clients, len(clients))
            photo = draw.choice(PHOTOS)
            kind = draw.choices(("index", "delete", "delete session"), weights=(6, 3, 1))[0]
            if not stored:
                kind = "index"
            kinds["replace" if kind == "index" and photo in stored else kind] += 1
            if kind == "index":
                stored[photo] = draw.choice(PEOPLE)
                await index(writer, "hot", photo, portrait(stored[photo]))
            elif kind == "delete":
                photo = draw.choice(sorted(stored))
                del stored[photo]
                assert (await writer.delete(f"{V1}/index/hot/photos/{photo}")).status_code in {200, 204}
            else:
                stored.clear()
                assert (await writer.delete(f"{V1}/index/hot")).status_code in {200, 204}
            person = draw.choice(PEOPLE)
            expected = {photo for photo, shown in stored.items() if shown == person}
            answers = await asyncio.gather(*(found(reader, "hot", portrait(person)) for reader in readers))
            assert answers == [expected] * len(readers), (step, kind)
    assert min(kinds[kind] for kind in ("index", "replace", "delete", "delete session")) > 0, kinds


async def test_a_limit_is_one_for_all_replicas(cluster: Cluster, portrait: Portrait) -> None:
    async with callers(cluster) as clients:
        await index(clients[0], "limited", "a", portrait(1))
        issued = await clients[0].post(f"{V1}/tokens", json={"session_id": "limited", "ttl_s": 600})
        headers = {"Authorization": f"Bearer {issued.json()['token']}"}
        statuses: Counter[int] = Counter()

        async def ask(url: str) -> None:
            async with caller(url, headers) as visitor:
                for _ in range(RATE_LIMIT_SEARCH // 3 + 10):
                    statuses[(await visitor.get(f"{V1}/search/status/limited")).status_code] += 1

        await asyncio.gather(*(ask(cluster.url_of(part)) for part in cluster.replicas))
    assert statuses == {200: RATE_LIMIT_SEARCH, 429: 30}


async def test_a_token_is_valid_everywhere_and_spent_everywhere(cluster: Cluster, portrait: Portrait) -> None:
    async with callers(cluster) as clients:
        await index(clients[0], "visited", "a", portrait(1))
        wish = {"session_id": "visited", "ttl_s": 600, "max_searches": 2}
        token = (await clients[0].post(f"{V1}/tokens", json=wish)).json()["token"]
    statuses = []
    for part in cluster.replicas:
        async with caller(cluster.url_of(part), {}) as visitor:
            assert (await search(visitor, "visited", portrait(1))).status_code == 401
            answer = await search(visitor, "visited", portrait(1), Authorization=f"Bearer {token}")
            statuses.append(answer.status_code)
    assert statuses[:2] == [200, 200]
    assert statuses[2] in {401, 403, 429}


async def test_a_key_is_valid_everywhere_until_it_is_revoked_anywhere(cluster: Cluster) -> None:
    async with callers(cluster) as clients:
        made = (await clients[0].post(f"{V1}/keys", json={"name": "of a test", "scopes": ["index"]})).json()

        async def accepted(number: int) -> bool:
            headers = {"X-API-Key": made["secret"]}
            return (await clients[number].get(f"{V1}/index/status", headers=headers)).status_code == 200

        assert all([await accepted(number) for number in range(3)])
        assert (await clients[1].delete(f"{V1}/keys/{made['key']['prefix']}")).status_code in {200, 204}
        revoked_s = time.monotonic()
        while any([await accepted(number) for number in range(3)]):
            assert time.monotonic() < revoked_s + REVOKED_WITHIN_S + BUSY_S
            await asyncio.sleep(0.05)


async def test_a_job_asked_for_anywhere_is_done_by_the_worker_and_told_everywhere(
    cluster: Cluster, portrait: Portrait
) -> None:
    store = cluster.bucket_client()
    for person in PEOPLE:
        await asyncio.to_thread(store.put_object, Bucket=BUCKET, Key=f"job/{person}.jpg", Body=portrait(person))
    photos = [{"photo_id": str(person), "s3_key": f"job/{person}.jpg"} for person in PEOPLE]
    key = {"X-API-Key": cluster.api_key, "Prefer": "respond-async"}
    async with caller(cluster.url, key) as balanced, callers(cluster) as clients:
        accepted = await balanced.post(f"{V1}/index/batch", json={"session_id": "job", "photos": photos})
        assert accepted.status_code == 202, accepted.text
        where = accepted.json()["status_url"]
        async with asyncio.timeout(JOB_TIMEOUT_S):
            await until(lambda: is_done(balanced, where))
        told = [(await client.get(where)).json() for client in clients]
        assert [(one["state"], one["done"], one["failed"]) for one in told] == [("finished", 3, 0)] * len(clients)
        for client in clients:
            assert await found(client, "job", portrait(2)) == {"2"}


async def is_done(client: httpx.AsyncClient, where: str) -> bool:
    return (await client.get(where)).json()["finished_at"] is not None
