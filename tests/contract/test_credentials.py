"""What is kept of API keys and tokens, over every store."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.access import Scope
from facepass.domain.api_key import ApiKey
from facepass.domain.errors import Conflict
from tests.gallery_builders import NOON

DAY = timedelta(days=1)


def a_key(
    prefix: str = "fp_aaaaaaaa", *, created_at: datetime = NOON, expires_at: datetime | None = None, name: str = "n"
) -> ApiKey:
    scopes = frozenset({Scope.INDEX, Scope.SEARCH})
    return ApiKey(prefix, name, scopes, prefix.encode().ljust(32, b"\xff"), created_at, expires_at)


async def add(units: UnitOfWorkFactory, *keys: ApiKey) -> None:
    async with units() as unit:
        for key in keys:
            await unit.keys.add(key)
        await unit.commit()


async def find(units: UnitOfWorkFactory, prefix: str = "fp_aaaaaaaa") -> ApiKey | None:
    async with units() as unit:
        return await unit.keys.find(prefix)


async def newest(units: UnitOfWorkFactory, limit: int = 10) -> Sequence[str]:
    async with units() as unit:
        return [key.prefix for key in await unit.keys.newest(limit=limit)]


async def spend(units: UnitOfWorkFactory, most: int, token: str = "t", expires_at: datetime = NOON) -> bool:  # noqa: S107 - no secret
    async with units() as unit:
        left = await unit.token_uses.spend(token, most=most, expires_at=expires_at)
        await unit.commit()
    return left


@pytest.mark.parametrize("name", ["photo site", "'; DROP TABLE api_keys; --", "ü 🙂"])
async def test_a_key_comes_back_as_it_was(empty_units: UnitOfWorkFactory, name: str) -> None:
    for key in (a_key(name=name), a_key("fp_bbbbbbbb", name=name, expires_at=NOON + DAY)):
        await add(empty_units, key)
        assert await find(empty_units, key.prefix) == key
    assert await find(empty_units, "fp_cccccccc") is None


async def test_a_key_is_there_from_its_commit_on(empty_units: UnitOfWorkFactory) -> None:
    async with empty_units() as unit:
        await unit.keys.add(a_key())
        assert await unit.keys.find("fp_aaaaaaaa") == a_key()
        assert await find(empty_units) is None
    assert await find(empty_units) is None


async def test_a_prefix_is_given_once(empty_units: UnitOfWorkFactory) -> None:
    await add(empty_units, a_key(name="first"))
    with pytest.raises(Conflict):
        await add(empty_units, a_key(name="second"))
    found = await find(empty_units)
    assert found is not None
    assert found.name == "first"


async def test_the_newest_come_first(empty_units: UnitOfWorkFactory) -> None:
    await add(
        empty_units,
        a_key("fp_bbbbbbbb"),
        a_key("fp_cccccccc", created_at=NOON + DAY),
        a_key("fp_aaaaaaaa"),
    )
    assert await newest(empty_units) == ["fp_cccccccc", "fp_aaaaaaaa", "fp_bbbbbbbb"]
    assert await newest(empty_units, limit=1) == ["fp_cccccccc"]


async def test_an_end_only_comes_nearer(empty_units: UnitOfWorkFactory) -> None:
    await add(empty_units, a_key(expires_at=NOON + 5 * DAY))
    ends: list[tuple[datetime | None, datetime | None]] = []
    for revoked_at, expires_at in [
        (None, NOON + 3 * DAY),
        (None, NOON + 4 * DAY),
        (NOON + DAY, None),
        (NOON + 2 * DAY, None),
    ]:
        async with empty_units() as unit:
            await unit.keys.end("fp_aaaaaaaa", revoked_at=revoked_at, expires_at=expires_at)
            await unit.keys.end("fp_nothing_", revoked_at=revoked_at, expires_at=expires_at)
            await unit.commit()
        found = await find(empty_units)
        assert found is not None
        ends.append((found.revoked_at, found.expires_at))
    assert ends == [
        (None, NOON + 3 * DAY),
        (None, NOON + 3 * DAY),
        (NOON + DAY, NOON + 3 * DAY),
        (NOON + DAY, NOON + 3 * DAY),
    ]


async def test_the_last_use_never_goes_back(empty_units: UnitOfWorkFactory) -> None:
    await add(empty_units, a_key())
    for at in (NOON + DAY, NOON):
        async with empty_units() as unit:
            await unit.keys.note_use("fp_aaaaaaaa", at)
            await unit.commit()
    found = await find(empty_units)
    assert found is not None
    assert found.last_used_at == NOON + DAY


async def test_ended_keys_are_forgotten_and_others_never(empty_units: UnitOfWorkFactory) -> None:
    await add(
        empty_units,
        a_key("fp_for_ever"),
        a_key("fp_expired_", expires_at=NOON),
        a_key("fp_to_come_", expires_at=NOON + 2 * DAY),
        a_key("fp_revoked_", expires_at=NOON + 9 * DAY),
    )
    async with empty_units() as unit:
        await unit.keys.end("fp_revoked_", revoked_at=NOON)
        assert await unit.keys.purge(NOON + DAY) == 2
        assert await unit.keys.purge(NOON + DAY) == 0
        await unit.commit()
    assert sorted(await newest(empty_units)) == ["fp_for_ever", "fp_to_come_"]


async def test_a_token_is_used_so_often_and_no_more(empty_units: UnitOfWorkFactory) -> None:
    assert [await spend(empty_units, 2) for _ in range(4)] == [True, True, False, False]
    assert await spend(empty_units, 2, token="another")  # noqa: S106 - no secret


async def test_what_is_not_committed_is_not_spent(empty_units: UnitOfWorkFactory) -> None:
    async with empty_units() as unit:
        assert await unit.token_uses.spend("t", most=1, expires_at=NOON)
    assert await spend(empty_units, 1)
    assert not await spend(empty_units, 1)


async def test_spending_at_once_never_gives_more(empty_units: UnitOfWorkFactory) -> None:
    spent = await asyncio.gather(*(spend(empty_units, 5) for _ in range(9)))
    assert sum(spent) == 5


async def test_uses_are_forgotten_after_the_token_has_expired(empty_units: UnitOfWorkFactory) -> None:
    for token, expires_at in (("old", NOON), ("young", NOON + 2 * DAY)):
        assert await spend(empty_units, 1, token, expires_at)
    async with empty_units() as unit:
        assert await unit.token_uses.purge(NOON + DAY) == 1
        await unit.commit()
    assert not await spend(empty_units, 1, "young")
    assert await spend(empty_units, 1, "old")
