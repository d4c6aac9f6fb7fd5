"""Chooses how a session is searched: by its size, and by whether its templates can be read by the database at all.

Exact in PostgreSQL while that is quick; exact in memory above, and for sealed templates; through an approximate index
for what is too large for either, once there is such an index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Row

from facepass.adapters.pgvector.in_memory.search import search
from facepass.adapters.pgvector.search import in_database
from facepass.adapters.pgvector.search.approximate import ApproximateSearch
from facepass.adapters.pgvector.search.served import check_served
from facepass.adapters.pgvector.search.snapshots import Snapshots
from facepass.adapters.pgvector.statements import reading as statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.errors import GalleryChanged
from facepass.domain.gallery import SessionId
from facepass.domain.identification import CandidateList, Probe

EMPTY = CandidateList((), 0)


class Way(Enum):
    """Where a session's faces are compared."""

    IN_DATABASE = auto()
    IN_MEMORY = auto()
    BY_INDEX = auto()


@dataclass(frozen=True, slots=True)
class SearchLimits:
    """Up to how many faces a session is searched how.

    Attributes:
        database_max_faces: by PostgreSQL, face by face.
        exact_max_faces: in memory, face by face; beyond, by an approximate index.
    """

    database_max_faces: int = 500
    exact_max_faces: int = 200_000


class Planner:
    """Shared by all units of work of a process."""

    def __init__(self, *, limits: SearchLimits, snapshots: Snapshots, approximate: ApproximateSearch) -> None:
        self._limits = limits
        self._snapshots = snapshots
        self._approximate = approximate

    async def candidates(
        self, transaction: Transaction, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        session = await self._header(transaction, session_id)
        if session is None or session.model_pk is None or session.face_count == 0:
            return EMPTY
        if (session.model, session.dimension) != (probe.model, probe.dimension):
            raise GalleryChanged(f"The session is searched with the model {session.model}.")
        way = await self._way(transaction, session)
        if way is Way.IN_MEMORY:
            matrix = await self._snapshots.current(transaction, session_id, session)
            return await search(matrix, probe, least_cosine=least_cosine, limit=limit)
        if way is Way.BY_INDEX:
            await transaction.release()
            found = await self._approximate.candidates(session, probe, least_cosine=least_cosine, limit=limit)
            if found is not None:
                return found
        found = await in_database.candidates(transaction, session, probe, least_cosine=least_cosine, limit=limit)
        if not found.total:
            await check_served(transaction, session)
        return found

    async def _way(self, transaction: Transaction, session: Row[Any]) -> Way:
        """How a session is searched. One without an index that needs it is searched exactly, which takes its time."""
        if session.key_id is not None:
            return Way.IN_MEMORY
        if session.face_count <= self._limits.database_max_faces or transaction.is_writing:
            return Way.IN_DATABASE
        if session.face_count <= self._limits.exact_max_faces:
            return Way.IN_MEMORY
        return Way.BY_INDEX if await self._approximate.is_ready(transaction, session) else Way.IN_DATABASE

    async def faces_at_least(
        self, transaction: Transaction, session_id: SessionId, probes: Sequence[tuple[Probe, float]]
    ) -> dict[int, Sequence[tuple[int, int]]]:
        """By number of the model, photo and number of every face that reaches its probe's least cosine. Exact."""
        session = await self._header(transaction, session_id)
        if session is None:
            return {}
        numbers = {
            (session.model, session.dimension): session.model_pk,
            (session.other_model, session.other_dimension): session.other_model_pk,
        }
        found: dict[int, Sequence[tuple[int, int]]] = {}
        for probe, least_cosine in probes:
            model_pk = numbers[probe.model, probe.dimension]
            if session.key_id is None:
                found[model_pk] = await in_database.faces_at_least(
                    transaction, session.pk, model_pk, probe, least_cosine=least_cosine
                )
            else:
                edition = (model_pk, probe.dimension)
                matrix = await self._snapshots.edition(transaction, session_id, session, edition)
                found[model_pk] = matrix.faces_at_least(probe, least_cosine=least_cosine)
        return found

    @staticmethod
    async def _header(transaction: Transaction, session_id: SessionId) -> Row[Any] | None:
        return (await transaction.read(statements.HEADER, {"session": session_id})).one_or_none()
