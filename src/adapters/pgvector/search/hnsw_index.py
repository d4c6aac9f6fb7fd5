"""Looks after the indexes of very large sessions: builds, rebuilds and drops them, and measures what they find."""

import random
from collections.abc import Sequence
from typing import Any

import asyncpg
import numpy as np
import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncEngine

from facepass.adapters.pgvector.engine import PoolSettings, connect
from facepass.adapters.pgvector.errors import vendor_errors
from facepass.adapters.pgvector.search import in_database
from facepass.adapters.pgvector.search.approximate import ApproximateSearch, HnswParameters
from facepass.adapters.pgvector.statements import indexing as statements
from facepass.adapters.pgvector.statements.indexing import index_name
from facepass.adapters.pgvector.transaction import reading
from facepass.application.ports import IndexHealth, VectorIndex
from facepass.domain.embedding import ModelId
from facepass.domain.identification import Probe

BUILD_TIMEOUT_S = 4 * 3600.0
BUILD_MEMORY = "512MB"
"""Of maintenance memory: the graph of 200,000 faces of 512 components; a larger one is built slower, not wrong."""
LOCK = 0x66616365_686E7377  # "facehnsw" in ASCII: one replica builds at a time
LEAST_RECALL = 0.95
RANK = 20
"""The canary asks for as many photos as lie above the score of this rank."""

log = structlog.get_logger(__name__)


class HnswIndex(VectorIndex):
    """Indexes one for each session beyond the limit of exact search.

    Args:
        engine: for what is quick.
        url: for building, on a connection of its own without the pool's time limits.
        pool: how to connect.
        parameters: of the graphs.
        exact_max_faces: larger sessions need an index.
        seed: of the canary's choice of faces.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        url: str,
        pool: PoolSettings,
        parameters: HnswParameters,
        exact_max_faces: int,
        seed: int | None = None,
    ) -> None:
        self._engine = engine
        self._url = url
        self._pool = pool
        self._parameters = parameters
        self._approximate = ApproximateSearch(engine, parameters=parameters)
        self._exact_max_faces = exact_max_faces
        self._random = random.Random(seed)  # noqa: S311 - which faces are asked for is no secret
        self._recall: float | None = None

    async def inspect(self) -> IndexHealth:
        """See `VectorIndex.inspect`."""
        wanted, present = await self._wanted(), await self._present()
        whole = [row for row in present if row.valid and row.name in wanted]
        return IndexHealth(
            kind="hnsw",
            parameters={
                "m": self._parameters.m,
                "ef_construction": self._parameters.ef_construction,
                "ef_search": self._parameters.ef_search,
            },
            galleries=len(whole),
            missing=len(wanted) - len(whole),
            size_bytes=sum(row.size_bytes for row in present),
            recall=self._recall,
        )

    async def mend(self) -> int:
        """See `VectorIndex.mend`. Does nothing while another replica is at it."""
        wanted, present = await self._wanted(), await self._present()
        broken = {row.name for row in present if not row.valid}
        dropped = broken | {row.name for row in present if row.name not in wanted}
        missing = wanted.keys() - {row.name for row in present if row.valid}
        if not dropped and not missing:
            return 0
        with vendor_errors():
            connection = await connect(self._url, self._pool, statement_timeout_s=BUILD_TIMEOUT_S)
            try:
                return await self._mend(connection, sorted(dropped), [wanted[name] for name in sorted(missing)])
            finally:
                await connection.close(timeout=self._pool.timeout_s)

    async def _mend(
        self, connection: "asyncpg.Connection[asyncpg.Record]", dropped: Sequence[str], missing: Sequence[Row[Any]]
    ) -> int:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
            return 0
        await connection.execute(f"SET maintenance_work_mem = '{BUILD_MEMORY}'")
        for name in dropped:
            await connection.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"')
        for session in missing:
            build = statements.create_index(
                session, m=self._parameters.m, ef_construction=self._parameters.ef_construction
            )
            log.info("index_build_began", faces=session.face_count)
            await connection.execute(build)
            log.info("index_build_ended", faces=session.face_count)
        return len({*dropped, *(index_name(session.pk, session.model_pk) for session in missing)})

    async def measure_recall(self, *, probes: int) -> float | None:
        """See `VectorIndex.measure_recall`. Warns below `LEAST_RECALL`."""
        wanted = await self._wanted()
        sessions = [wanted[row.name] for row in await self._present() if row.valid and row.name in wanted]
        if not sessions:
            return None
        found = expected = 0
        for _ in range(probes):
            ours, all_of_them = await self._compare(self._random.choice(sessions))
            found += ours
            expected += all_of_them
        self._recall = found / expected if expected else None
        if self._recall is not None and self._recall < LEAST_RECALL:
            log.warning("search_recall_low", recall=round(self._recall, 4), least=LEAST_RECALL, probes=probes)
        return self._recall

    async def _compare(self, session: Row[Any]) -> tuple[int, int]:
        """Of the photos nearest to one stored face: how many the index finds, and how many there are."""
        async with reading(self._engine, snapshot=True) as transaction:
            place = {"photo_pk": self._random.randint(session.first_photo, session.last_photo)}
            stored = await transaction.read(statements.ONE_FACE, {**_keys(session), **place})
            vector = np.asarray(stored.scalar_one(), dtype=np.float32)
            probe = Probe(ModelId(session.model), vector / max(1.0, float(np.linalg.norm(vector.astype(np.float64)))))
            exact = await in_database.candidates(transaction, session, probe, least_cosine=-1.0, limit=RANK)
        least = exact.candidates[-1].cosine
        found = await self._approximate.candidates(session, probe, least_cosine=least, limit=RANK)
        names = {candidate.photo_id for candidate in exact.candidates}
        ours = names if found is None else names & {candidate.photo_id for candidate in found.candidates}
        return len(ours), len(names)

    async def _wanted(self) -> dict[str, Row[Any]]:
        """Sessions that need an index, by its name."""
        rows = await self._read(statements.LARGE_SESSIONS, {"faces": self._exact_max_faces})
        return {index_name(row.pk, row.model_pk): row for row in rows}

    async def _present(self) -> Sequence[Row[Any]]:
        """Indexes there are."""
        return await self._read(statements.INDEXES, {})

    async def _read(self, statement: Any, values: dict[str, Any]) -> Sequence[Row[Any]]:
        async with reading(self._engine) as transaction:
            return (await transaction.read(statement, values)).all()


def _keys(session: Row[Any]) -> dict[str, int]:
    return {"session_pk": session.pk, "model_pk": session.model_pk}
