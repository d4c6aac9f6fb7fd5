"""API keys from their making to their end, on in-memory adapters."""

from datetime import timedelta

import pytest
from dependency_injector import providers
from hypothesis import given
from hypothesis import strategies as st

from facepass.application.authenticate_key import REMEMBERED_S, AuthenticateKey
from facepass.application.create_key import MAX_KEYS
from facepass.domain import api_key
from facepass.domain.access import CallerKind, Scope
from facepass.domain.errors import Conflict, InvalidRequest, NotFound, Unauthorized
from facepass.entrypoints.container import Container, in_memory
from facepass.entrypoints.settings import Secret, Security, Settings
from tests.clocks import HandClock

CONFIGURED = "a-configured-key"
DAY_S = 24 * 3600
INDEX = frozenset({Scope.INDEX})


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def container(clock: HandClock) -> Container:
    service = in_memory(Settings(security=Security(api_keys=(Secret(CONFIGURED),))))
    service.clock.override(providers.Object(clock))
    return service


async def made(container: Container, *, days: int | None = None) -> str:
    """A new key for indexing."""
    lifetime = None if days is None else timedelta(days=days)
    return (await container.create_key()(name="photo site", scopes=INDEX, lifetime=lifetime)).text


def prefix(text: str) -> str:
    found = api_key.prefix_of(text)
    assert found is not None
    return found


async def is_refused(container: Container, text: str, because: str = "not valid") -> bool:
    with pytest.raises(Unauthorized, match=because) as refused:
        await container.key_authenticator().authenticate(text)
    return text not in refused.value.detail


async def test_a_new_key_opens_what_it_is_for(container: Container) -> None:
    caller = await container.key_authenticator().authenticate(text := await made(container))
    assert (caller.kind, caller.name, caller.scopes) == (CallerKind.KEY, prefix(text), INDEX)


async def test_a_configured_key_may_do_everything_and_is_not_named_after_itself(container: Container) -> None:
    caller = await container.key_authenticator().authenticate(CONFIGURED)
    assert caller.scopes == frozenset(Scope)
    assert caller.name.startswith("configured-")
    assert CONFIGURED not in caller.name


async def test_a_key_is_not_stored(container: Container) -> None:
    text = await made(container)
    (stored,) = await container.list_keys()()
    assert text.split("_", 2)[2] not in repr(stored)
    assert text.encode() not in stored.digest


async def test_a_key_with_another_secret_is_refused(container: Container) -> None:
    text = await made(container)
    assert await is_refused(container, text[:-1] + ("A" if text[-1] != "A" else "B"))
    assert await is_refused(container, api_key.new_key_text(lambda number: b"\x01" * number))


@given(st.text(max_size=100))
async def test_any_other_string_is_refused(text: str) -> None:
    service = in_memory(Settings(security=Security(api_keys=(Secret(CONFIGURED),))))
    if text != CONFIGURED:
        with pytest.raises(Unauthorized):
            await service.key_authenticator().authenticate(text)


async def test_a_key_expires(container: Container, clock: HandClock) -> None:
    text = await made(container, days=1)
    clock.pass_s(DAY_S - 1)
    await container.key_authenticator().authenticate(text)
    clock.pass_s(1)
    assert await is_refused(container, text, "has expired")


async def test_a_revoked_key_is_refused_within_a_second(container: Container, clock: HandClock) -> None:
    text = await made(container)
    await container.key_authenticator().authenticate(text)
    revoked = await container.revoke_key()(prefix(text))
    assert revoked.revoked_at == clock.now()
    clock.pass_s(REMEMBERED_S)
    assert await is_refused(container, text, "is revoked")
    clock.pass_s(DAY_S)
    assert (await container.revoke_key()(prefix(text))).revoked_at == revoked.revoked_at


async def test_the_reason_is_told_to_nobody_without_the_key(container: Container, clock: HandClock) -> None:
    text = await made(container)
    await container.revoke_key()(prefix(text))
    clock.pass_s(REMEMBERED_S)
    assert await is_refused(container, text[:-2] + "zz", "^The API key is not valid.$")


async def test_rotation_gives_a_like_key_and_lets_the_old_one_live_for_a_while(
    container: Container, clock: HandClock
) -> None:
    old = await made(container, days=30)
    clock.pass_s(DAY_S)
    new = await container.rotate_key()(prefix(old), grace_s=3600)
    assert (new.key.name, new.key.scopes) == ("photo site", INDEX)
    assert new.key.expires_at == clock.now() + timedelta(days=30)
    for text in (old, new.text):
        await container.key_authenticator().authenticate(text)
    clock.pass_s(3600)
    await container.key_authenticator().authenticate(new.text)
    assert await is_refused(container, old, "has expired")


async def test_a_rotated_key_never_lives_longer_than_it_would_have(container: Container, clock: HandClock) -> None:
    old = await made(container, days=1)
    clock.pass_s(DAY_S - 60)
    await container.rotate_key()(prefix(old), grace_s=3600)
    clock.pass_s(60)
    assert await is_refused(container, old, "has expired")


async def test_an_ended_key_is_not_rotated(container: Container) -> None:
    text = await made(container)
    await container.revoke_key()(prefix(text))
    with pytest.raises(Conflict):
        await container.rotate_key()(prefix(text))
    for unknown in (container.rotate_key(), container.revoke_key()):
        with pytest.raises(NotFound):
            await unknown("fp_unknown_")


async def test_what_is_out_of_range_is_refused_by_name(container: Container) -> None:
    with pytest.raises(InvalidRequest, match="grace_s"):
        await container.rotate_key()("fp_aaaaaaaa", grace_s=-1)
    for lifetime in (timedelta(0), timedelta(days=3651)):
        with pytest.raises(InvalidRequest, match="expires_in_days"):
            await container.create_key()(name="n", scopes=INDEX, lifetime=lifetime)


async def test_there_is_an_end_to_keys(container: Container) -> None:
    for _ in range(MAX_KEYS):
        await made(container)
    with pytest.raises(Conflict):
        await made(container)


async def test_the_last_use_is_kept_to_the_minute(container: Container, clock: HandClock) -> None:
    text = await made(container)
    first = clock.now()
    for later_s, noted in ((0, first), (59, first), (1, first + timedelta(minutes=1))):
        clock.pass_s(later_s)
        await container.key_authenticator().authenticate(text)
        (key,) = await container.list_keys()()
        assert key.last_used_at == noted


async def test_the_service_can_change_its_secret(container: Container, clock: HandClock) -> None:
    text = await made(container)
    (old,) = container.key_secrets()
    for secrets, is_known in ((("new", old), True), (("new",), False)):
        authenticator = AuthenticateKey(
            configured=[CONFIGURED], secrets=secrets, unit_of_work=container.unit_of_work(), clock=clock
        )
        await authenticator.authenticate(CONFIGURED)
        if is_known:
            await authenticator.authenticate(text)
        else:
            with pytest.raises(Unauthorized):
                await authenticator.authenticate(text)


async def test_the_trail_names_keys_by_their_prefix(container: Container) -> None:
    text = await made(container)
    new = await container.rotate_key()(prefix(text), grace_s=0)
    await container.revoke_key()(new.key.prefix)
    records = await container.read_audit()(None, limit=10)
    assert [(prefix(text) in record.text, new.key.prefix in record.text) for record in records] == [
        (True, False),
        (False, True),
        (False, True),
    ]
    assert [event for record in records for event in ("created", "rotated", "revoked") if event in record.text] == [
        "created",
        "rotated",
        "revoked",
    ]


async def test_ended_keys_are_forgotten_when_no_backup_knows_them(container: Container, clock: HandClock) -> None:
    kept, ended = await made(container), await made(container)
    await container.revoke_key()(prefix(ended))
    clock.pass_s(30 * DAY_S)
    assert await container.forget_credentials()() == 0
    clock.pass_s(1)
    assert await container.forget_credentials()() == 1
    assert [key.prefix for key in await container.list_keys()()] == [prefix(kept)]
