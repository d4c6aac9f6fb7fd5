"""Whose is an API key? One of the configured ones, or one that is kept in the store."""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from facepass.application.ports import Authenticator, Clock, UnitOfWorkFactory
from facepass.domain import api_key
from facepass.domain.access import Caller, CallerKind, Scope
from facepass.domain.api_key import ApiKey
from facepass.domain.errors import Unauthorized

REMEMBERED_S: Final = 1.0
"""How long a key is believed without asking the store: so long may a revoked one still pass."""
MAX_REMEMBERED_KEYS: Final = 1024
USE_NOTED_EVERY: Final = timedelta(minutes=1)

_NOBODYS = bytes(api_key.DIGEST_BYTES)


class AuthenticateKey(Authenticator):
    """Compares digests under a secret, never keys.

    A configured key may do everything; it is called after its own digest. All of them are compared every time, and one
    that is not found is compared with nothing: neither length nor content of a wrong key shows in the time.
    """

    def __init__(
        self, *, configured: Sequence[str], secrets: Sequence[str], unit_of_work: UnitOfWorkFactory, clock: Clock
    ) -> None:
        """For one service.

        Args:
            configured: keys from the settings.
            secrets: that digests are made under, newest first; at least one. All of them are tried.
            unit_of_work: of the store that knows the managed keys.
            clock: says which of them have expired.
        """
        self._secrets = secrets
        self._configured = {api_key.digest(key, secrets[0]): _configured_caller(key) for key in configured}
        self._unit_of_work = unit_of_work
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[float, ApiKey | None]] = OrderedDict()

    async def authenticate(self, credential: str) -> Caller:
        """See `Authenticator.authenticate`."""
        digests = [api_key.digest(credential, secret) for secret in self._secrets]
        known = [caller for digest, caller in self._configured.items() if hmac.compare_digest(digest, digests[0])]
        if known:
            return known[0]
        prefix = api_key.prefix_of(credential)
        key = None if prefix is None else await self._find(prefix)
        right = any([hmac.compare_digest(key.digest if key else _NOBODYS, digest) for digest in digests])  # noqa: C419 - compare under every secret
        if key is None or not right:
            raise Unauthorized("The API key is not valid.")
        if not key.is_valid(self._clock.now()):
            raise Unauthorized(f"The API key {key.prefix} {'is revoked' if key.revoked_at else 'has expired'}.")
        await self._note_use(key)
        return key.caller()

    async def _find(self, prefix: str) -> ApiKey | None:
        """What the store knew of a key a moment ago, or knows now."""
        at_s, key = self._remembered.get(prefix, (None, None))
        if at_s is not None and self._clock.elapsed_s() - at_s < REMEMBERED_S:
            self._remembered.move_to_end(prefix)
            return key
        async with self._unit_of_work() as unit:
            key = await unit.keys.find(prefix)
        self._remember(prefix, key)
        return key

    def _remember(self, prefix: str, key: ApiKey | None) -> None:
        self._remembered[prefix] = (self._clock.elapsed_s(), key)
        self._remembered.move_to_end(prefix)
        if len(self._remembered) > MAX_REMEMBERED_KEYS:
            self._remembered.popitem(last=False)

    async def _note_use(self, key: ApiKey) -> None:
        now = self._clock.now()
        if key.last_used_at is not None and now - key.last_used_at < USE_NOTED_EVERY:
            return
        async with self._unit_of_work() as unit:
            await unit.keys.note_use(key.prefix, now)
            await unit.commit()
        self._remember(key.prefix, replace(key, last_used_at=now))


def _configured_caller(key: str) -> Caller:
    """Named so that the keys of a list can be told apart in a log which must not hold them."""
    name = hashlib.blake2b(key.encode(), digest_size=4, person=b"facepass keyname").hexdigest()
    return Caller(CallerKind.KEY, f"configured-{name}", frozenset(Scope))
