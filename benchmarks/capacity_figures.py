"""Measures what `capacity.py` reckons with: bytes a face on disk and in a dump; processor time a photo.

    python benchmarks/capacity_figures.py
    ML_THREADS=1 MODELS_DIR=models python benchmarks/capacity_figures.py --inference

Everything but inference is on the embedded PostgreSQL in a temporary DATA_DIR (TMPDIR chooses the disk), in the
service's own tables and through its own port: random faces, 1 to 5 a photo. What is printed, for each dimension:

on disk          bytes a face of all tables and indexes, photos and audit included, after VACUUM; of it, of indexes
log              bytes a face of write-ahead log, 100 photos a transaction
hnsw             bytes a face, and seconds, of an HNSW index with the service's defaults over as many faces
dump             bytes a face of `pg_dump -Fc`, and faces a second
search           processor ms of one search in that matrix, the session's row read included, all threads of this process
load             processor ms of this process for the first search, which loads the session, a thousand faces
audited          photos a second, each in a transaction with its line in the audit trail, by eight writers
inference        processor ms of the bare pipeline for a drawn 1080p photo of one face, with one thread
"""

import argparse
import asyncio
import importlib.util
import json
import os
import subprocess
import time
from itertools import islice
from pathlib import Path

import numpy as np
from galleries import Connection, Gallery, connected, empty_database, positive, random_gallery
from store import MODEL, opened_facepass, photos_of, write

from facepass.adapters.embedded_postgres.binaries import PACKAGE, PROGRAMS
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.audit import AuditEntry, AuditEvent, digest
from facepass.domain.embedding import Embedding, TemplateSpace
from facepass.domain.gallery import Photo, SessionId
from facepass.domain.identification import Probe
from facepass.entrypoints import logs
from facepass.entrypoints.environment import load_settings
from facepass.entrypoints.settings import Logging, Search
from facepass.entrypoints.throughput import bare_pipeline, drawn_photos

LEAST_COSINE = 0.9
SEARCHES = 50
INFERENCE_ROUNDS = 3
WRITERS, WRITER_PHOTOS = 8, 60
_TABLES = "SELECT sum({}(oid))::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
_LOG = "SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint"
_HNSW = (
    "CREATE INDEX capacity_hnsw ON {} USING hnsw ((embedding::halfvec({})) halfvec_ip_ops)"
    " WITH (m={}, ef_construction={})"
)

Figures = dict[str, float]


async def stored(url: str, gallery: Gallery, *, searches: int) -> Figures:
    """Store a session in an empty database, weigh it, and search it."""
    dimension = gallery.vectors.shape[1]
    async with opened_facepass(url) as (_, units), connected(url) as connection:
        before, log = (
            await connection.fetchval(_TABLES.format("pg_total_relation_size")),
            await connection.fetchval(_LOG),
        )
        faces_per_second = await write(units, gallery)
        log = await connection.fetchval(_LOG) - log
        await connection.execute("VACUUM (ANALYZE)")
        total = await connection.fetchval(_TABLES.format("pg_total_relation_size")) - before
        indexes = await connection.fetchval(_TABLES.format("pg_indexes_size"))
        session, vector = SessionId(str(gallery.faces)), Embedding.normalised(MODEL, gallery.vectors[0])
        spent_s, load_s = 0.0, time.process_time()
        for turn in range(searches + 1):
            if turn == 1:  # the first loads the session
                spent_s = time.process_time()
                load_s = spent_s - load_s
            async with units() as unit:
                await unit.galleries.candidates(session, Probe.of(vector), least_cosine=LEAST_COSINE, limit=100)
        return {
            "dimension": dimension,
            "faces": gallery.faces,
            "on disk, bytes a face": total / gallery.faces,
            "of indexes, bytes a face": indexes / gallery.faces,
            "log, bytes a face": log / gallery.faces,
            "written, faces a second": faces_per_second,
            "search, processor ms": 1e3 * (time.process_time() - spent_s) / searches,
            "load, processor ms a thousand faces": 1e6 * load_s / gallery.faces,
            **await hnsw(connection, dimension, gallery.faces),
            **await asyncio.to_thread(dumped, url, gallery.faces),
            "audited photos a second": await audited(units, gallery),
        }


async def audited(units: UnitOfWorkFactory, gallery: Gallery) -> float:
    """Photos a second: a transaction each, with its line in the audit trail, writers in sessions of their own."""

    async def index(photos: list[Photo]) -> None:
        for photo in photos:
            entry = AuditEntry(AuditEvent.PHOTOS_INDEXED, photo.indexed_at, digest(photo.session_id), 1, 1, MODEL)
            async with units() as unit:
                await unit.galleries.replace_photos(photo.session_id, {space: [photo]}, since=0)
                await unit.audit.append(entry)
                await unit.commit()

    space = TemplateSpace(MODEL, gallery.vectors.shape[1])
    everybody = [list(islice(photos_of(gallery, SessionId(f"writer {n}")), WRITER_PHOTOS)) for n in range(WRITERS)]
    started_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for photos in everybody:
            group.create_task(index(photos))
    return WRITERS * WRITER_PHOTOS / (time.perf_counter() - started_s)


async def hnsw(connection: Connection, dimension: int, faces: int) -> Figures:
    """Weigh an index of all faces."""
    partition = await connection.fetchval(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'faces'::regclass"
    )
    search, started_s = Search(), time.perf_counter()
    await connection.execute(_HNSW.format(partition, dimension, search.hnsw_m, search.hnsw_ef_construction))
    taken_s = time.perf_counter() - started_s
    size = await connection.fetchval("SELECT pg_relation_size('capacity_hnsw')")
    await connection.execute("DROP INDEX capacity_hnsw")
    return {"hnsw, bytes a face": size / faces, "hnsw, faces a second": faces / taken_s}


def dumped(url: str, faces: int) -> Figures:
    """Dump the database as `facepass backup` does, and throw it away."""
    spec = importlib.util.find_spec(PACKAGE)
    assert spec
    assert spec.origin
    pg_dump = Path(spec.origin).parent / PROGRAMS / "pg_dump"
    started_s, size = time.perf_counter(), 0
    with subprocess.Popen([pg_dump, "-Fc", "--dbname", url], stdout=subprocess.PIPE) as child:  # noqa: S603 our own
        assert child.stdout
        while chunk := child.stdout.read(1 << 20):
            size += len(chunk)
    assert child.returncode == 0
    return {"dump, bytes a face": size / faces, "dumped, faces a second": faces / (time.perf_counter() - started_s)}


def inference() -> Figures:
    """Processor time of one photo, from its bytes to its template."""
    work, photos = bare_pipeline(load_settings(os.environ)), drawn_photos(6)
    for photo in photos:
        work(photo)
    started_s = time.process_time()
    for _ in range(INFERENCE_ROUNDS):
        for photo in photos:
            work(photo)
    return {"inference, processor ms a photo": 1e3 * (time.process_time() - started_s) / INFERENCE_ROUNDS / len(photos)}


async def main() -> None:
    """Measure and print JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faces", type=positive, default=10_000)
    parser.add_argument("--dimensions", type=positive, nargs="+", default=[128, 512])
    parser.add_argument("--inference", action="store_true", help="only that")
    chosen = parser.parse_args()
    logs.configure(Logging(log_level="ERROR"))
    if chosen.inference:
        show(inference())
        return
    for dimension in chosen.dimensions:
        gallery = random_gallery(chosen.faces, dimension, np.random.default_rng(1))
        async with empty_database() as url:
            show(await stored(url, gallery, searches=SEARCHES))


def show(figures: Figures) -> None:
    """One line."""
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
