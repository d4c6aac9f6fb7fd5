"""The ways to search a session that FacePass is measured beside, see `search`."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from galleries import HALFVEC, Connection, FaceTable, Gallery, Vectors

PACKAGES = {"faiss": "faiss-cpu", "usearch": "usearch"}
LEAST_COSINE = 0.92
NEAREST = 100
"""How many an approximate index is asked for; more than ever reach the threshold, which is checked."""
M, EF_CONSTRUCTION, EF_SEARCH = 32, 400, 400
HNSW_INDEX = "faces_hnsw"
HNSW_MEMORY = "1GB"


@dataclass(frozen=True, slots=True)
class Method:
    """A way to search one session.

    Attributes:
        threads: that one search may use; for PostgreSQL, processes.
        search: what is timed.
        photos: what it found, from its answer.
        mode: what the answer says about how it was found.
        in_process: bytes; None where it is counted while warming up.
    """

    name: str
    threads: str
    search: Callable[[Vectors], Awaitable[Any]]
    photos: Callable[[Any], set[int]]
    mode: Callable[[Any], str] = lambda _: ""
    in_process: int | None = None


def pgvector(connection: Connection, gallery: Gallery, name: str, statement: str, threads: str, *rest: float) -> Method:
    """Plain SQL; `statement` gives photo, face number, details and cosine."""

    async def search(probe: Vectors) -> Any:
        return await connection.fetch(statement, gallery.faces, *HALFVEC.encoded(probe[None]), *rest)

    return Method(name, threads, search, lambda rows: {row[0] for row in rows if row[3] >= LEAST_COSINE}, in_process=0)


async def build_hnsw(connection: Connection, table: FaceTable) -> tuple[str, float]:
    """One index over all sessions; the statement that searches by it, and the seconds it took."""
    await connection.execute(f"SET maintenance_work_mem = '{HNSW_MEMORY}'; SET max_parallel_maintenance_workers = 2")
    started = time.perf_counter()
    await connection.execute(
        f"CREATE INDEX {HNSW_INDEX} ON {table.name} USING hnsw (embedding halfvec_ip_ops)"
        f" WITH (m = {M}, ef_construction = {EF_CONSTRUCTION})"
    )
    taken_s = time.perf_counter() - started
    await connection.execute(f"SET hnsw.ef_search = {EF_SEARCH}; SET hnsw.iterative_scan = strict_order")
    await connection.execute("SET enable_sort = off")  # small sessions too by the index that is measured
    statement = (
        f"SELECT photo, face_no, details, -(embedding <#> $2) AS cosine FROM {table.name}"  # noqa: S608 - our own name
        f" WHERE session = $1 ORDER BY embedding <#> $2 LIMIT {NEAREST}"
    )
    return statement, taken_s


def faiss_flat(gallery: Gallery, threads: int) -> Method:
    """Brute force over float32; the index keeps a copy of the vectors."""
    import faiss  # noqa: PLC0415 - only where it is installed

    index = faiss.IndexFlatIP(gallery.vectors.shape[1])
    index.add(gallery.vectors)
    faiss.omp_set_num_threads(threads)

    async def search(probe: Vectors) -> Any:
        return index.range_search(probe[None], LEAST_COSINE)[2]

    return Method(
        *("faiss IndexFlatIP", str(threads), search),
        lambda faces: set(gallery.photos[faces].tolist()),
        in_process=gallery.vectors.nbytes,
    )


def usearch_hnsw(gallery: Gallery) -> Method:
    """Built with all threads, searched with one."""
    from usearch.index import Index  # noqa: PLC0415 - only where it is installed

    index = Index(
        ndim=gallery.vectors.shape[1],
        metric="ip",
        dtype="f32",
        connectivity=M,
        expansion_add=EF_CONSTRUCTION,
        expansion_search=EF_SEARCH,
    )
    index.add(np.arange(gallery.faces), gallery.vectors)

    async def search(probe: Vectors) -> Any:
        return index.search(probe, NEAREST, threads=1)

    def photos(found: Any) -> set[int]:
        return set(gallery.photos[found.keys[1 - found.distances >= LEAST_COSINE].astype(np.int64)].tolist())

    return Method("usearch HNSW", "1", search, photos, in_process=index.memory_usage)


async def processes_of(connection: Connection) -> str:
    """How many processes of PostgreSQL may work at one search."""
    return f"1..{1 + int(await connection.fetchval('SHOW max_parallel_workers_per_gather'))}"
