"""Searching a snapshot without holding up the event loop."""

import asyncio

from facepass.adapters.pgvector.in_memory.matrix import SessionMatrix
from facepass.domain.identification import CandidateList, Probe

INLINE_COMPONENTS = 1 << 17
"""Faces times dimension up to which a search stays on the event loop: with 256 faces of 512 components it holds that
up for less than 2 ms even where every face has to be scored exactly and every photo is found."""


async def search(matrix: SessionMatrix, probe: Probe, *, least_cosine: float, limit: int) -> CandidateList:
    """`SessionMatrix.candidates`, in a thread where it takes longer. The coarse pass lets other threads run."""
    if len(matrix) * matrix.dimension <= INLINE_COMPONENTS:
        return matrix.candidates(probe, least_cosine=least_cosine, limit=limit)
    return await asyncio.to_thread(matrix.candidates, probe, least_cosine=least_cosine, limit=limit)
