"""Whether a session is still what its header said, when the faces that it named have been looked at."""

from typing import Any

from sqlalchemy import Row

from facepass.adapters.pgvector.statements.searching import IS_SERVED
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.errors import GalleryChanged

CHANGED = "The session was erased, or changed its model, while it was searched."


async def check_served(transaction: Transaction, session: Row[Any]) -> None:
    """See that the model of a session's header serves it still.

    Raises:
        GalleryChanged: it does not, or the session is erased.
    """
    keys = {"session_pk": session.pk, "model_pk": session.model_pk}
    if (await transaction.read(IS_SERVED, keys)).scalar_one_or_none() is None:
        raise GalleryChanged(CHANGED)
