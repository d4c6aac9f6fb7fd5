"""Give a visitor a token of one session."""

import base64
from dataclasses import dataclass, field
from typing import Final

from facepass.application.ports import Clock, TokenSigner
from facepass.domain.api_key import RandomBytes
from facepass.domain.gallery import SessionId
from facepass.domain.session_token import DEFAULT_TTL_S, SessionToken, check_terms

ID_BYTES: Final = 12
"""Enough that no two of 10^9 tokens a day are ever the same."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token as it is handed out.

    Attributes:
        text: what the visitor shows.
    """

    token: SessionToken
    text: str = field(repr=False)


class IssueToken:
    """Asks no store: the session may still have to be indexed when its tokens are printed."""

    def __init__(self, *, signer: TokenSigner, clock: Clock, random_bytes: RandomBytes) -> None:
        self._signer = signer
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(
        self, session_id: SessionId, *, ttl_s: int = DEFAULT_TTL_S, max_searches: int | None = None
    ) -> IssuedToken:
        """A token that was not there before.

        Args:
            session_id: the only one it opens.
            ttl_s: how long it is valid, in seconds, 1 to `MAX_TTL_S`.
            max_searches: how many searches it is for, 1 to `MAX_SEARCHES`; None for any number.

        Raises:
            InvalidRequest: naming what is out of range.
        """
        lasts = check_terms(ttl_s, max_searches)
        now = self._clock.now().replace(microsecond=0)  # a token counts in whole seconds (RFC 7519, NumericDate)
        token_id = base64.urlsafe_b64encode(self._random_bytes(ID_BYTES)).decode()
        token = SessionToken(token_id, session_id, now, now + lasts, max_searches)
        return IssuedToken(token, self._signer.sign(token))
