"""Make an API key."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from facepass.application.ports import Clock, UnitOfWork, UnitOfWorkFactory
from facepass.domain import api_key
from facepass.domain.access import Scope
from facepass.domain.api_key import ApiKey, RandomBytes
from facepass.domain.audit import AuditEntry, AuditEvent
from facepass.domain.errors import Conflict, InvalidRequest, NotFound

MAX_KEYS: Final = 1000
"""Kept at once, ended ones included until they are purged."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key as it is shown once.

    Attributes:
        text: the key itself.
    """

    key: ApiKey
    text: str = field(repr=False)


class CreateKey:
    """Draws a key and keeps its digest."""

    def __init__(
        self, *, unit_of_work: UnitOfWorkFactory, clock: Clock, random_bytes: RandomBytes, secret: str
    ) -> None:
        """Under one secret.

        Args:
            unit_of_work: of the store that keeps it.
            clock: when it is made.
            random_bytes: where chance comes from.
            secret: that the digest is made under.
        """
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._random_bytes = random_bytes
        self._secret = secret

    async def __call__(self, *, name: str, scopes: frozenset[Scope], lifetime: timedelta | None) -> NewKey:
        """A key that was not there before.

        Args:
            name: what those who manage it call it; several may have the same.
            scopes: what it may be used for.
            lifetime: after which it is no longer valid; None for never.

        Raises:
            InvalidRequest: naming what is out of range.
            Conflict: there are `MAX_KEYS` already.
            DependencyUnavailable: the database; no key was made that anybody knows.
        """
        api_key.check_name(name)
        check_lifetime(lifetime)

        async def work(unit: UnitOfWork) -> NewKey:
            made = self.draw(name, scopes, lifetime)
            await keep(unit, made, AuditEvent.API_KEY_CREATED)
            return made

        return await self._unit_of_work.run(work)

    def draw(self, name: str, scopes: frozenset[Scope], lifetime: timedelta | None) -> NewKey:
        """A key that is nowhere kept yet."""
        now = self._clock.now()
        text = api_key.new_key_text(self._random_bytes)
        prefix = api_key.prefix_of(text)
        if prefix is None:
            raise AssertionError("a new key has the form of a key")
        expires_at = None if lifetime is None else now + lifetime
        return NewKey(ApiKey(prefix, name, scopes, api_key.digest(text, self._secret), now, expires_at), text)


async def keep(unit: UnitOfWork, made: NewKey, event: AuditEvent) -> None:
    """Store a new key with its entry in the audit trail.

    Raises:
        Conflict: there are `MAX_KEYS` already.
    """
    if len(await unit.keys.newest(limit=MAX_KEYS)) >= MAX_KEYS:
        raise Conflict(f"There are {MAX_KEYS} keys already: ended ones are forgotten by `facepass db maintain`.")
    await unit.keys.add(made.key)
    await unit.audit.append(AuditEntry(event, made.key.created_at, api_key=made.key.prefix))


async def existing(unit: UnitOfWork, prefix: str) -> ApiKey:
    """The key of a prefix, valid or not.

    Raises:
        NotFound: there is none.
    """
    key = await unit.keys.find(prefix)
    if key is None:
        raise NotFound(f"There is no key {prefix[:64]!r}.")
    return key


def check_lifetime(lifetime: timedelta | None) -> None:
    """See that a key lasts for a while, and not for ever by mistake.

    Raises:
        InvalidRequest: naming `expires_in_days`.
    """
    longest = timedelta(days=api_key.MAX_LIFETIME_DAYS)
    if lifetime is not None and not timedelta(0) < lifetime <= longest:
        raise InvalidRequest.field("expires_in_days", f"must be between 1 and {api_key.MAX_LIFETIME_DAYS}")
