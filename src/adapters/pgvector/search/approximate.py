"""Approximate search of one very large session: HNSW over its own faces (Malkov and Yashunin, 2018).

The index is partial: it holds one session. An index over many sessions that is filtered afterwards finds less the
smaller the session is, and every photo of any session would have to be written into it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.rows import box_of
from facepass.adapters.pgvector.search.served import check_served
from facepass.adapters.pgvector.statements import indexing
from facepass.adapters.pgvector.transaction import Transaction, reading
from facepass.domain.gallery import PhotoId
from facepass.domain.identification import Candidate, CandidateList, Probe, SearchMode

FIRST_FACES = 400
"""Nearest faces that are asked for at first; four times as many as long as the last of them is still a match."""
GROWTH = 4
MOST_FACES = 6400
"""Beyond so many, reading all of a session's faces is quicker than following the graph."""
HALF_MARGIN = 1e-3
"""The index orders by a probe in half precision: faces this far below may belong above."""


@dataclass(frozen=True, slots=True)
class HnswParameters:
    """How the graph is built and searched; see pgvector's documentation.

    Attributes:
        m: connections of a face in each layer.
        ef_construction: faces looked at for these when one is added.
        ef_search: faces looked at by a search, 1 to 1000.
    """

    m: int = 32
    ef_construction: int = 400
    ef_search: int = 400


class ApproximateSearch:
    """Searches sessions that have an index.

    Args:
        engine: from whose pool connections are taken; a reader that holds one gives it back first.
        parameters: of the index.
        most_faces: that it is asked for.
    """

    def __init__(self, engine: AsyncEngine, *, parameters: HnswParameters, most_faces: int = MOST_FACES) -> None:
        self._engine = engine
        self._most_faces = most_faces
        self._parameters = parameters

    @staticmethod
    async def is_ready(transaction: Transaction, session: Row[Any]) -> bool:
        """Whether a session has an index that is whole."""
        values = {"name": indexing.index_name(session.pk, session.model_pk)}
        return bool((await transaction.read(indexing.IS_VALID, values)).scalar_one_or_none())

    async def candidates(
        self, session: Row[Any], probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList | None:
        """See `VectorRepository.candidates`; None where so many faces match that reading all is quicker.

        All matches that the graph leads to, not only the nearest few: more are asked for until one is no match.
        """
        async with reading(self._engine, snapshot=True) as transaction:
            await transaction.read(indexing.SET_PARAMETERS, self._settings(session))
            await check_served(transaction, session)
            wanted = FIRST_FACES
            while wanted <= self._most_faces:
                values = {"half_probe": probe.vector, "limit": wanted}
                rows = (await transaction.read(indexing.nearest(session), values)).all()
                if len(rows) < wanted or rows[-1].approximate < least_cosine - HALF_MARGIN:
                    photos = await _photo_ids(transaction, session, rows)
                    return _ranked(rows, photos, probe, least_cosine=least_cosine, limit=limit)
                wanted *= GROWTH
        return None

    def _settings(self, session: Row[Any]) -> dict[str, str]:
        return {"ef_search": str(self._parameters.ef_search), "max_scan": str(session.face_count)}


async def _photo_ids(transaction: Transaction, session: Row[Any], rows: Any) -> dict[int, PhotoId]:
    values = {
        "session_pk": session.pk,
        "model_pk": session.model_pk,
        "photo_pks": sorted({row.photo_pk for row in rows}),
    }
    found = (await transaction.read(indexing.PHOTO_IDS, values)).all()
    return {row.pk: PhotoId(row.photo_id) for row in found}


def _ranked(rows: Any, photos: dict[int, PhotoId], probe: Probe, *, least_cosine: float, limit: int) -> CandidateList:
    """Photos by their best face, scored exactly."""
    precise = probe.vector.astype(np.float64)
    best: dict[int, Candidate] = {}
    for row in rows:
        cosine = float(np.clip(np.einsum("i,i->", row.embedding.to_numpy().astype(np.float64), precise), -1.0, 1.0))
        known = best.get(row.photo_pk)
        if cosine < least_cosine or (known and (known.cosine, -known.face_no) >= (cosine, -row.face_no)):
            continue
        best[row.photo_pk] = Candidate(photos[row.photo_pk], row.face_no, box_of(row), row.confidence, cosine)
    ranked = sorted(best.values(), key=lambda candidate: (-candidate.cosine, candidate.photo_id))
    return CandidateList(tuple(ranked[:limit]), len(ranked), SearchMode.ANN)
