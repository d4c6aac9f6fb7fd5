"""Old databases of every make, and those that are none."""

from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from facepass.adapters.first_generation.connection import SourceSettings, connected
from facepass.adapters.first_generation.layout import TABLE, read_layout
from facepass.adapters.first_generation.mover import ImportOptions, move, rehearse
from facepass.adapters.first_generation.rows import OldRow, RowStream
from facepass.domain.embedding import ModelId, TemplateSpace
from facepass.domain.errors import ConfigurationError, DependencyUnavailable
from tests.fixtures_postgres import at_database, run_sql
from tests.integration.first_generation.steps import (
    MemoryTarget,
    create_table,
    insert,
    options,
    source,
    unit_vector,
    unseen,
)

ODD = ["", "Ä", "a", "B", "b b", "'; DROP TABLE face_embeddings; --", "é", "e\u0301", "🙂", "%s", '"']


@pytest.mark.parametrize(
    ("id_type", "key_type"), [("integer", "uuid"), ("bigint", "varchar(300)"), ("uuid", "uuid"), ("text", "bigint")]
)
async def test_ids_of_any_type(empty_database_url: str, tmp_path: Path, id_type: str, key_type: str) -> None:
    await create_table(empty_database_url, id_type=id_type, key_type=key_type)
    make_id = {"uuid": lambda n: UUID(int=n), "text": lambda n: f"row {n}"}.get(id_type, int)
    make_key = {"uuid": lambda n: UUID(int=n), "varchar(300)": str}.get(key_type, int)
    numbers = range(1, 25)
    rows = [(make_id(n), f"f{n}", None, make_key(n // 2), make_key(n % 2), unit_vector(n), 0.5) for n in numbers]
    await insert(empty_database_url, rows)
    target = MemoryTarget()
    report = await move(source(empty_database_url), target, options(tmp_path, batch_rows=5), unseen)
    assert target.faces == report.faces == 24
    assert {session for session, _ in target.photos} == {str(make_key(0)), str(make_key(1))}


@pytest.mark.parametrize("batch_rows", [1, 2, 3, 100])
async def test_the_stream_goes_on_behind_any_photo(empty_database_url: str, batch_rows: int) -> None:
    await create_table(empty_database_url)
    keys = [(session, photo) for session in ODD for photo in ODD[:4]]
    rows = [(n, None, None, photo or None, session, unit_vector(n), 0.5) for n, (session, photo) in enumerate(keys * 2)]
    await insert(empty_database_url, rows)
    async with connected(source(empty_database_url)) as connection:
        stream = RowStream(await read_layout(connection), TABLE, session_from_event=False, batch_rows=batch_rows)
        async with connection.transaction():
            whole = [rows async for batch in stream.photos(connection, None) for rows in batch]
            assert [len(rows) for rows in whole] == [2] * len(keys)
            assert {(rows[0].session_key, rows[0].photo_key) for rows in whole} == set(keys)
            for number, rows_of_photo in enumerate(whole):
                rest = [rows async for batch in stream.photos(connection, rows_of_photo[-1].position) for rows in batch]
                assert ids(rest) == ids(whole[number + 1 :])


def ids(photos: list[list[OldRow]]) -> list[str]:
    return [row.row_id for rows in photos for row in rows]


async def test_an_empty_table(empty_database_url: str, tmp_path: Path) -> None:
    await create_table(empty_database_url)
    assert (await rehearse(source(empty_database_url), options(tmp_path), unseen)).rows == 0
    report = await move(source(empty_database_url), MemoryTarget(), options(tmp_path), unseen)
    assert (report.rows, report.faces) == (0, 0)


async def test_a_table_in_another_schema(empty_database_url: str, tmp_path: Path) -> None:
    await create_table(empty_database_url)
    await insert(empty_database_url, [(1, "f", None, "p", "s", unit_vector(1), 0.5)])
    await run_sql(
        empty_database_url, 'CREATE SCHEMA "Old ""one"""', 'ALTER TABLE face_embeddings SET SCHEMA "Old ""one"""'
    )
    with pytest.raises(ConfigurationError, match="no table face_embeddings"):
        await rehearse(source(empty_database_url), options(tmp_path), unseen)
    name = urlsplit(empty_database_url).path[1:]
    await run_sql(empty_database_url, f'ALTER DATABASE {name} SET search_path = "Old ""one""", public')
    report = await move(source(empty_database_url), MemoryTarget(), options(tmp_path), unseen)
    assert report.faces == 1


async def test_a_vector_column_that_says_no_dimension(empty_database_url: str, tmp_path: Path) -> None:
    await create_table(empty_database_url)
    await run_sql(empty_database_url, "ALTER TABLE face_embeddings ALTER embedding TYPE vector")
    await insert(
        empty_database_url, [(1, "f", None, "p", "s", "[1,0,0]", 0.5), (2, "g", None, "p", "s", unit_vector(2), 1.0)]
    )
    report = await rehearse(source(empty_database_url), options(tmp_path), unseen)
    assert (report.faces, report.rejected["wrong_dimension"]) == (1, 1)


async def test_the_wrong_model_is_told_before_anything_happens(empty_database_url: str, tmp_path: Path) -> None:
    await create_table(empty_database_url)
    other = ImportOptions(TemplateSpace(ModelId("other"), 512), tmp_path / "rejects.jsonl")
    with pytest.raises(ConfigurationError, match="old vectors have 16 components and those of other have 512"):
        await move(source(empty_database_url), MemoryTarget(), other, unseen)
    assert not other.rejects_path.exists()


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DROP TABLE face_embeddings", "has no table face_embeddings"),
        ("ALTER TABLE face_embeddings DROP event_id", "it has no column event_id"),
        ("ALTER TABLE face_embeddings ALTER photo_id TYPE jsonb USING NULL", "its photo_id is jsonb, not int2"),
        ("ALTER TABLE face_embeddings ALTER embedding TYPE text", "its embedding is text, not vector"),
        (
            "ALTER TABLE face_embeddings DROP created_at, DROP confidence",
            "no column confidence; it has no column created",
        ),
        (
            (
                "ALTER TABLE face_embeddings DROP CONSTRAINT face_embeddings_pkey;"
                "INSERT INTO face_embeddings (id) VALUES (1), (1), (2)"
            ),
            "has 3 rows but 2 ids",
        ),
    ],
)
async def test_what_is_not_of_the_first_generation(
    empty_database_url: str, tmp_path: Path, statement: str, message: str
) -> None:
    await create_table(empty_database_url)
    await run_sql(empty_database_url, statement)
    with pytest.raises(ConfigurationError, match=message):
        await rehearse(source(empty_database_url), options(tmp_path), unseen)


@pytest.mark.parametrize(
    "dsn", ["", "mysql://u:hunter2@h/d", "postgresql://u:hunter2@h:port/d", "postgresql://h/d?sslmode=hunter2"]
)
async def test_a_dsn_that_makes_no_sense_is_not_shown(tmp_path: Path, dsn: str) -> None:
    assert "hunter2" not in repr(SourceSettings(dsn))
    with pytest.raises(ConfigurationError, match="DSN") as refused:
        await rehearse(source(dsn), options(tmp_path), unseen)
    assert "hunter2" not in refused.value.detail


async def test_a_database_out_of_reach(tmp_path: Path) -> None:
    with pytest.raises(DependencyUnavailable, match="cannot be reached"):
        await rehearse(source("postgresql://127.0.0.1:1/x"), options(tmp_path), unseen)


async def test_a_database_that_does_not_exist(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="does not exist"):
        await rehearse(source(at_database(empty_database_url, "nowhere")), options(tmp_path), unseen)


async def test_a_user_who_may_only_read(empty_database_url: str, tmp_path: Path) -> None:
    await create_table(empty_database_url)
    name = urlsplit(empty_database_url).path[1:]
    await run_sql(empty_database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert (await rehearse(source(empty_database_url), options(tmp_path), unseen)).rows == 0
    with pytest.raises(ConfigurationError, match="takes no writes"):
        await move(source(empty_database_url), MemoryTarget(), options(tmp_path), unseen)


async def test_a_list_of_rejects_that_cannot_be_written(empty_database_url: str, tmp_path: Path) -> None:
    await create_table(empty_database_url)
    (tmp_path / "rejects.jsonl").mkdir()
    with pytest.raises(ConfigurationError, match="cannot be written"):
        await rehearse(source(empty_database_url), options(tmp_path), unseen)
