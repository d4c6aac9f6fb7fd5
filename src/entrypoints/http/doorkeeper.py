"""Lets callers in: who they are, whether they may, and whether they have not been in too often.

One piece of code for requests and WebSockets. Nothing of what a caller shows is kept or logged; a failed attempt is
logged with the caller's network and counted by address.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import structlog

from facepass.application.ports import Authenticator
from facepass.domain.access import ANYBODY, Caller, CallerKind
from facepass.domain.errors import Forbidden, RateLimited, Unauthorized
from facepass.domain.ports import RateLimiter
from facepass.domain.rate import RateDecision, RateLimit
from facepass.entrypoints.http.access import Access, Counted
from facepass.entrypoints.http.client_address import ClientAddress

KEY_HEADER: Final = "X-API-Key"
BEARER: Final = "bearer"
FAILED_ATTEMPTS: Final = RateLimit(60, 60.0)
"""Wrong credentials from one address, before they are answered with 429 and no longer logged one by one."""

_log = structlog.stdlib.get_logger("facepass.access_control")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a caller shows.

    Attributes:
        keys: every `X-API-Key`.
        tokens: every `Authorization: Bearer`.
    """

    keys: tuple[str, ...] = field(default=(), repr=False)
    tokens: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> "Credentials":
        """Those in the headers of a request.

        Header bytes are UTF-8 where they can be, else Latin-1: whatever arrives is a string, if not a credential. Other
        schemes of `Authorization` are none of ours: a proxy may have asked for them.
        """
        keys, tokens = [], []
        for name, value in headers:
            if name == KEY_HEADER.lower().encode():
                keys.append(_text(value))
            elif name == b"authorization":
                scheme, _, credential = _text(value).partition(" ")
                if scheme.lower() == BEARER:
                    tokens.append(credential.strip())
        return cls(tuple(keys), tuple(tokens))

    def __bool__(self) -> bool:
        return bool(self.keys or self.tokens)


class Doorkeeper:
    """For every route and every caller."""

    def __init__(
        self,
        *,
        keys: Authenticator,
        tokens: Authenticator,
        limiter: RateLimiter,
        limits: Mapping[Counted, RateLimit | None],
        search_access: Literal["public", "token", "key"],
        production: bool,
    ) -> None:
        """For one service.

        Args:
            keys: knows API keys.
            tokens: knows session tokens.
            limiter: counts.
            limits: of each kind of call; None for any number.
            search_access: who may search: everybody, holders of a token or key, holders of a key.
            production: nothing is open that is so for developers only.
        """
        self._keys = keys
        self._tokens = tokens
        self._limiter = limiter
        self._limits = limits
        self._search_access = search_access
        self._production = production

    async def identify(self, shown: Credentials, client: ClientAddress) -> Caller:
        """Who calls.

        Raises:
            Unauthorized: a credential is wrong, or there are several, of which none can be meant.
            RateLimited: too many wrong ones came from this address.
            DependencyUnavailable: what knows the credential is out of reach.
        """
        try:
            return await self._authenticate(shown)
        except Unauthorized as error:
            await self._note_failure(shown, client, error)
            raise

    def authorise(self, caller: Caller, access: Access) -> None:
        """Go on where the caller may call the route.

        Raises:
            Unauthorized: nobody may without a credential.
            Forbidden: not with this one.
        """
        if access.searching and self._search_access == "public":
            return
        if access.open_in_development and not self._production:
            return
        takes_tokens = access.tokens or (access.searching and self._search_access == "token")
        if caller.kind is CallerKind.ANYBODY:
            needed = f"an API key in the header {KEY_HEADER}"
            if takes_tokens:
                needed = f"a token of the session, as `Authorization: Bearer …`, or {needed}"
            raise Unauthorized(f"This call needs {needed}.")
        if caller.kind is CallerKind.TOKEN and not takes_tokens:
            raise Forbidden("This call needs an API key: a token will not do.")
        if access.scope is not None:
            caller.require(access.scope)

    async def count(self, caller: Caller, client: ClientAddress, counted: Counted) -> RateDecision | None:
        """Count a call against its caller, or against the address of one without a credential.

        None: this kind of call may be made any number of times.

        Raises:
            RateLimited: there have been too many.
        """
        limit = self._limits[counted]
        if limit is None:
            return None
        who = f"address:{client.limited}" if caller.kind is CallerKind.ANYBODY else f"{caller.kind}:{caller.name}"
        decision = await self._limiter.hit(f"{counted}:{who}", limit)
        if not decision.admitted:
            raise TooManyCalls(decision)
        return decision

    async def _authenticate(self, shown: Credentials) -> Caller:
        if len(shown.keys) + len(shown.tokens) > 1:
            raise Unauthorized("Show one credential: an API key or a token, once.")
        for key in shown.keys:
            return await self._keys.authenticate(key)
        for token in shown.tokens:
            return await self._tokens.authenticate(token)
        return ANYBODY

    async def _note_failure(self, shown: Credentials, client: ClientAddress, error: Unauthorized) -> None:
        decision = await self._limiter.hit(f"failed:{client.limited}", FAILED_ATTEMPTS)
        if not decision.admitted:
            raise TooManyCalls(decision) from error
        _log.warning(
            "authentication_failed",
            shown="key" if shown.keys else "token",
            reason=error.detail,
            client=client.shown,
            attempts=FAILED_ATTEMPTS.most - decision.remaining,
        )


class TooManyCalls(RateLimited):
    """What a rate limit refused.

    Attributes:
        decision: what it said.
    """

    def __init__(self, decision: RateDecision) -> None:
        limit = decision.limit
        super().__init__(
            f"More than {limit.most} calls in {limit.per_s:g} s. Try again in {decision.retry_after_s} s.",
            retry_after_s=decision.retry_after_s,
        )
        self.decision = decision


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")
