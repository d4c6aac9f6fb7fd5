"""Who may call: credentials, and what the store keeps of them."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from facepass.domain.access import Caller
from facepass.domain.api_key import ApiKey
from facepass.domain.session_token import SessionToken


class Authenticator(Protocol):
    """Decides whose a credential is. There is one for API keys and one for session tokens."""

    @abstractmethod
    async def authenticate(self, credential: str) -> Caller:
        """Who shows it.

        How long it takes says nothing about how much of a wrong one is right.

        Raises:
            Unauthorized: it is not, or no longer, valid.
            DependencyUnavailable: what knows it is out of reach.
        """


class TokenSigner(Protocol):
    """Makes of a session token the text that a visitor carries, so that nobody can make or change one."""

    @abstractmethod
    def sign(self, token: SessionToken) -> str:
        """The text that `Authenticator.authenticate` takes for tokens."""


class KeyStore(Protocol):
    """The managed API keys. Lives inside a unit of work."""

    @abstractmethod
    async def add(self, key: ApiKey) -> None:
        """Keep a new key.

        Raises:
            Conflict: there is one of that prefix.
        """

    @abstractmethod
    async def find(self, prefix: str) -> ApiKey | None:
        """The key of a prefix, valid or not."""

    @abstractmethod
    async def newest(self, *, limit: int) -> Sequence[ApiKey]:
        """Keys, valid or not, newest first, at most `limit`."""

    @abstractmethod
    async def end(self, prefix: str, *, revoked_at: datetime | None = None, expires_at: datetime | None = None) -> None:
        """Have a key end at either moment, or stay as it is where it ends earlier."""

    @abstractmethod
    async def note_use(self, prefix: str, at: datetime) -> None:
        """Remember when it was last used; an earlier moment than the one known changes nothing."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Forget keys that ended before a moment; how many."""


class TokenUses(Protocol):
    """How often tokens with a number of searches were used. Lives inside a unit of work."""

    @abstractmethod
    async def spend(self, token_id: str, *, most: int, expires_at: datetime) -> bool:
        """Use a token once more; False, changing nothing, where it was used `most` times."""

    @abstractmethod
    async def purge(self, before: datetime) -> int:
        """Forget tokens that expired before a moment; how many."""
