"""Session tokens as JWTs (RFC 7519) signed by HMAC-SHA256, with the id of the key in the header for rotation."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import jwt

from facepass.application.ports import Authenticator, Clock, TokenSigner
from facepass.domain.access import Caller
from facepass.domain.errors import InvalidRequest, Unauthorized
from facepass.domain.gallery import SessionId
from facepass.domain.session_token import SessionToken

ALGORITHM: Final = "HS256"
ISSUER: Final = "facepass"
SEARCHES: Final = "searches"
"""Our own claim: how many searches the token is for."""
MAX_TOKEN_CHARS: Final = 8192
"""Room for an id of 255 characters, each escaped, in base64."""

_REQUIRED: Final = ["iss", "sub", "jti", "iat", "exp"]


class JwtSessionTokens(Authenticator, TokenSigner):
    """Signs with the first secret; what any of them signed is accepted, so one can be exchanged for another."""

    def __init__(self, secrets: Sequence[str], *, clock: Clock) -> None:
        """For one service.

        Args:
            secrets: newest first, at least one.
            clock: says which tokens have expired.
        """
        self._keys = {_key_id(secret): secret for secret in secrets}
        self._newest = _key_id(secrets[0])
        self._clock = clock

    def sign(self, token: SessionToken) -> str:
        """See `TokenSigner.sign`."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": str(token.session_id),
            "jti": token.token_id,
            "iat": int(token.issued_at.timestamp()),
            "exp": int(token.expires_at.timestamp()),
        }
        if token.max_searches is not None:
            claims[SEARCHES] = token.max_searches
        return jwt.encode(claims, self._keys[self._newest], algorithm=ALGORITHM, headers={"kid": self._newest})

    async def authenticate(self, credential: str) -> Caller:
        """See `Authenticator.authenticate`."""
        token = self._verified(credential)
        if self._clock.now() >= token.expires_at:
            raise Unauthorized("The token has expired.")
        return token.caller()

    def _verified(self, credential: str) -> SessionToken:
        """What a token says that one of our keys has signed.

        Time is ours to look at, not the library's: it has a clock of its own.
        """
        if len(credential) > MAX_TOKEN_CHARS:
            raise _invalid()
        try:
            key = self._keys[str(jwt.get_unverified_header(credential).get("kid"))]
            claims = jwt.decode(
                credential,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            return _token(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, OverflowError, InvalidRequest) as error:
            raise _invalid() from error


def _token(claims: dict[str, Any]) -> SessionToken:
    searches = claims.get(SEARCHES)
    if not (searches is None or (isinstance(searches, int) and not isinstance(searches, bool))):
        raise TypeError("not a number of searches")
    return SessionToken(
        claims["jti"],
        SessionId.parse(claims["sub"], "sub"),
        datetime.fromtimestamp(claims["iat"], UTC),
        datetime.fromtimestamp(claims["exp"], UTC),
        searches,
    )


def _invalid() -> Unauthorized:
    return Unauthorized("The token is not valid.")


def _key_id(secret: str) -> str:
    """Names a secret without telling anything of it."""
    return hashlib.blake2b(secret.encode(), digest_size=8, person=b"facepass kid").hexdigest()
