"""API keys given by configuration, compared without telling how much of a guess was right."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from facepass.application.ports import Authenticator
from facepass.domain.errors import Unauthorized


class ConfiguredKeys(Authenticator):
    """Holds keyed digests of the keys, never the keys.

    Digests under a secret made at start have equal length and no known relation to a guess, so neither the length nor
    the content of a wrong key shows in the time; every key is always compared.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._secret = secrets.token_bytes(32)
        self._digests = [self._digest(key) for key in keys]

    def authenticate(self, credential: str | None) -> None:
        """See `Authenticator.authenticate`."""
        if credential is None:
            raise Unauthorized("This call needs an API key in the header X-API-Key.")
        guess = self._digest(credential)
        if not any([hmac.compare_digest(guess, digest) for digest in self._digests]):  # noqa: C419 - compare every key
            raise Unauthorized("The API key is not valid.")

    def _digest(self, key: str) -> bytes:
        return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), key=self._secret).digest()
