"""How templates are stored: in half precision, as they are or sealed under their session's data key.

A session has a data key from its first face on, or never: what it holds is sealed altogether or not at all.
"""

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row

from facepass.adapters.pgvector.sealing.keys import DataKey, Keyring, WrappedKey
from facepass.adapters.pgvector.sealing.templates import HALF, Place, TemplateSealer
from facepass.adapters.pgvector.statements import writing
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.embedding import Embedding
from facepass.domain.errors import ConfigurationError
from facepass.domain.gallery import SessionId


def key_context(session_id: SessionId) -> bytes:
    """What binds a wrapped data key to its session."""
    return hashlib.sha256(session_id.encode()).digest()


class TemplateCodec:
    """Between templates and the columns `embedding` and `sealed`.

    Args:
        keyring: None: new sessions are stored as they are.
    """

    def __init__(self, keyring: Keyring | None = None) -> None:
        self._keyring = keyring

    def sealer(self, session: Row[Any], session_id: SessionId) -> TemplateSealer | None:
        """What opens a session's templates; None where they are stored as they are.

        Args:
            session: with `key_id` and `data_key`.
            session_id: of the session.

        Raises:
            ConfigurationError: the session is sealed under a key that is not configured.
            SealBroken: its key was changed.
        """
        if session.key_id is None:
            return None
        if self._keyring is None:
            raise ConfigurationError("The session's templates are encrypted, and ENCRYPTION_KEY is not set.")
        wrapped = WrappedKey(session.key_id, session.data_key)
        return TemplateSealer(self._keyring.unwrap(wrapped, context=key_context(session_id)))

    async def sealer_for_writing(
        self, transaction: Transaction, session: Row[Any], session_id: SessionId
    ) -> TemplateSealer | None:
        """The same for a session that is about to be written to; one without faces gets a key if there is a keyring.

        Raises:
            ConfigurationError, SealBroken: as `sealer`.
        """
        if session.key_id is not None or self._keyring is None or session.faces:
            return self.sealer(session, session_id)
        key = DataKey.new(secrets.token_bytes)
        wrapped = self._keyring.wrap(key, context=key_context(session_id))
        values = {"session_pk": session.pk, "key_id": wrapped.key_id, "data_key": wrapped.blob}
        await transaction.write(writing.PUT_KEY, values)
        return TemplateSealer(key)

    @staticmethod
    def encode(
        embeddings: Sequence[Embedding], places: Sequence[Place], sealer: TemplateSealer | None
    ) -> list[dict[str, Any]]:
        """The two columns of each template."""
        halves = [embedding.vector.astype(HALF) for embedding in embeddings]
        if sealer is None:
            return [{"embedding": half, "sealed": None} for half in halves]
        return [{"embedding": None, "sealed": blob} for blob in sealer.seal(np.stack(halves), places)]

    @staticmethod
    def decode(rows: Sequence[Row[Any]], sealer: TemplateSealer | None, dimension: int) -> npt.NDArray[np.float16]:
        """`(rows, dimension)` float16 of rows of `faces` with their keys.

        Raises:
            SealBroken: a template is not what was stored there.
        """
        if not rows:
            return np.empty((0, dimension), dtype=HALF)
        if sealer is None:
            return np.stack([row.embedding for row in rows])
        places = [(row.session_pk, row.model_pk, row.photo_pk, row.face_no) for row in rows]
        return sealer.open([row.sealed for row in rows], places, dimension)
