"""`facepass db import-v1` and `rollback-v1` as an operator runs them."""

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from facepass.adapters.pgvector.engine import PoolSettings, create_engine
from facepass.adapters.pgvector.unit_of_work import PostgresUnitOfWorkFactory
from facepass.application.ports import UnitOfWorkFactory
from facepass.domain.embedding import Embedding, ModelId, TemplateSpace
from facepass.domain.gallery import PhotoId, SessionId
from facepass.entrypoints.cli.exit_codes import ExitCode
from tests.chaos_support import OldFace, fill_old_database, old_faces, old_vector
from tests.fixtures_postgres import ask, run_sql
from tests.gallery_builders import photo, random_embeddings
from tests.gallery_steps import search, store

MODEL = ModelId("auraface-v1")
SPACE = TemplateSpace(MODEL, 512)
FACES = [*old_faces(40, sessions=2), OldFace(1000, None, "lost")]
TIMEOUT_S = 120

Facepass = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
async def old_url(empty_database_url: str) -> str:
    await fill_old_database(empty_database_url, FACES)
    return empty_database_url


@pytest.fixture
def facepass(tmp_path: Path, old_url: str, database_url: str) -> Facepass:
    """Runs `facepass db` in an empty folder, on both databases."""
    kept = ("PATH", "HOME", "LANG", "COVERAGE_PROCESS_START")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "FACEPASS_IMPORT_DSN": old_url,
    }

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "facepass.entrypoints.cli", "db", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment | variables,
            timeout=TIMEOUT_S,
            check=False,
        )

    return run


@pytest.fixture
async def units(database_url: str) -> AsyncIterator[UnitOfWorkFactory]:
    engine = create_engine(database_url, PoolSettings())
    yield PostgresUnitOfWorkFactory(engine)
    await engine.dispose()


async def test_there_and_back(facepass: Facepass, units: UnitOfWorkFactory, old_url: str, tmp_path: Path) -> None:
    rehearsed = facepass("import-v1", "--model", MODEL, "--dry-run", "--json")
    assert rehearsed.returncode == ExitCode.OK, rehearsed.stderr
    assert await ask(old_url, "SELECT to_regclass('facepass_imports')") is None

    imported = facepass("import-v1", "--model", MODEL)
    assert imported.returncode == ExitCode.OK, imported.stderr
    assert (tmp_path / "import-v1-rejects.jsonl").read_text() == '{"row": "1000", "reason": "no_session"}\n'
    shown = dict(line.rsplit("  ", 1) for line in imported.stdout.splitlines())
    facts = {name.strip(): value for name, value in shown.items()}
    assert (facts["rows"], facts["photos"], facts["faces"], facts["rejected"]) == ("80", "40", "79", "1")

    # a visitor of the old days is found, on exactly their photo, without a box
    visitor = FACES[42]
    probe = Embedding.normalised(MODEL, old_vector(visitor.number))
    found = await search(units, SessionId(str(visitor.session)), probe, least=0.99)
    assert [(one.photo_id, one.box) for one in found.candidates] == [(visitor.photo, None)]

    undone = facepass("rollback-v1", "--yes", "--json")
    assert undone.returncode == ExitCode.OK, undone.stderr
    done = json.loads(undone.stdout)
    assert (done["faces_moved"], done["faces_removed"]) == (79, 79)
    async with units() as unit:
        assert (await unit.catalogue.totals()).photos == 0
        assert await unit.galleries.gallery(SessionId("session 0")) is None
    assert facepass("rollback-v1", "--yes").returncode == ExitCode.REFUSED


async def test_sessions_of_another_model_are_told(facepass: Facepass, units: UnitOfWorkFactory) -> None:
    await store(units, photo("session 0", "own", random_embeddings(1, 1)))
    imported = facepass("import-v1", "--model", MODEL, "--json")
    assert imported.returncode == ExitCode.REFUSED
    report = json.loads(imported.stdout)
    assert report["rejected"]["other_model"] == sum(face.session == "session 0" for face in FACES)
    assert report["rows"] == report["faces"] + sum(report["rejected"].values())
    async with units() as unit:
        own = await unit.galleries.photo(SessionId("session 0"), PhotoId("own"))
    assert own is not None


async def test_what_facepass_has_indexed_is_kept(facepass: Facepass, units: UnitOfWorkFactory) -> None:
    own = photo("session 0", "photo 0", random_embeddings(1, 2, dimension=512, model=MODEL))
    await store(units, own, model=MODEL)
    imported = facepass("import-v1", "--model", MODEL, "--json")
    assert imported.returncode == ExitCode.OK, imported.stderr
    assert json.loads(imported.stdout)["rejected"]["indexed_anew"] == 1
    async with units() as unit:
        kept = await unit.galleries.photo(SessionId("session 0"), PhotoId("photo 0"))
    assert kept is not None
    assert (kept.size, len(kept.templates)) == (own.size, 2)


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "message"),
    [
        (["--model", "nonsense"], {}, ExitCode.CONFIGURATION, "nonsense"),
        (["--model", "sface-2021dec"], {}, ExitCode.CONFIGURATION, "name the model that made them"),
        (["--model", MODEL], {"FACEPASS_IMPORT_DSN": "mysql://here"}, ExitCode.CONFIGURATION, "postgresql://"),
        (["--model", MODEL], {"FACEPASS_IMPORT_DSN": ""}, ExitCode.USAGE, "dsn"),
        ([], {}, ExitCode.USAGE, "--model"),
        (
            ["--model", MODEL],
            {"FACEPASS_IMPORT_DSN": "postgresql://somebody:secret@127.0.0.1:1/old"},
            ExitCode.UNAVAILABLE,
            "old database",
        ),
    ],
)
async def test_what_is_refused(
    facepass: Facepass, arguments: list[str], variables: dict[str, str], code: ExitCode, message: str
) -> None:
    refused = facepass("import-v1", *arguments, **variables)
    assert refused.returncode == code, refused.stderr
    assert message in refused.stderr
    assert "secret" not in refused.stderr


async def test_a_table_of_another_kind_is_refused(facepass: Facepass, old_url: str) -> None:
    await run_sql(old_url, "ALTER TABLE face_embeddings DROP COLUMN photo_id")
    refused = facepass("import-v1", "--model", MODEL, "--json")
    assert refused.returncode == ExitCode.CONFIGURATION
    assert "photo_id" in json.loads(refused.stderr)["detail"]
