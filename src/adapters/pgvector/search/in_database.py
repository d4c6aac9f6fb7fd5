"""Exact search by PostgreSQL itself: reads the session's faces by its primary key, and nothing else."""

from typing import Any

from sqlalchemy import Row

from facepass.adapters.pgvector.rows import candidate_of
from facepass.adapters.pgvector.statements import searching as statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.identification import CandidateList, Probe


async def candidates(
    transaction: Transaction, session: Row[Any], probe: Probe, *, least_cosine: float, limit: int
) -> CandidateList:
    """See `VectorRepository.candidates`; of a session whose templates are stored as they are."""
    values = {
        "session_pk": session.pk,
        "model_pk": session.model_pk,
        "probe": probe.vector,
        "least_cosine": least_cosine,
        "limit": limit,
    }
    rows = (await transaction.read(statements.CANDIDATES, values)).all()
    return CandidateList(tuple(candidate_of(row) for row in rows), total=rows[0].total if rows else 0)


async def faces_at_least(
    transaction: Transaction, session_pk: int, model_pk: int, probe: Probe, *, least_cosine: float
) -> list[tuple[int, int]]:
    """Photo and number of every face that reaches the least cosine."""
    values = {"session_pk": session_pk, "model_pk": model_pk, "probe": probe.vector, "least_cosine": least_cosine}
    rows = (await transaction.read(statements.FACES_AT_LEAST, values)).all()
    return [(row.photo_pk, row.face_no) for row in rows]
