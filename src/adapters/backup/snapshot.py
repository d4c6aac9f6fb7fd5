"""What the tables of a database hold, in brief: so that what was restored can be held against what was dumped."""

import hashlib
from collections.abc import Iterable

from facepass.adapters.backup.address import Connection
from facepass.adapters.backup.documents import TableFingerprint

KEY_TABLE = "session_keys"
"""Its rows are in no dump: see the package's docstring."""

MARK_TABLE = "last_backup"
"""Says when the newest backup was made."""

BOOKKEEPING = frozenset({"alembic_version", "audit_head", "models", MARK_TABLE})
"""Tables that have rows though nobody has stored anything."""

# partitions are part of their table, and what belongs to an extension comes with it
_TABLES = """
    SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relname AS bare
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY 1
"""

# the text of a row depends on these
_AS_TEXT = """
    SET LOCAL timezone = 'UTC';
    SET LOCAL datestyle = 'ISO, YMD';
    SET LOCAL intervalstyle = 'postgres';
    SET LOCAL extra_float_digits = 1;
    SET LOCAL bytea_output = 'hex';
"""

# the sum of the rows' digests is the same in any order, and takes no memory
_FINGERPRINT = """
    SELECT count(*) AS rows,
           coalesce(sum(('x' || substr(digest, 1, 16))::bit(64)::bigint), 0)::text AS first,
           coalesce(sum(('x' || substr(digest, 17, 16))::bit(64)::bigint), 0)::text AS second
    FROM (SELECT encode(sha256(convert_to(t::text, 'UTF8')), 'hex') AS digest FROM {table} t) AS digests
"""


async def tables(connection: Connection) -> dict[str, str]:
    """Every table that is not an extension's: from its name as SQL needs it to its bare name."""
    return {row["name"]: row["bare"] for row in await connection.fetch(_TABLES)}


async def fingerprint(connection: Connection, table: str) -> TableFingerprint:
    """Count and checksum of one table, as the connection's transaction sees it.

    Args:
        connection: in a transaction.
        table: as `tables` names it.
    """
    await connection.execute(_AS_TEXT)
    row = await connection.fetchrow(_FINGERPRINT.format(table=table))
    assert row is not None  # noqa: S101 - an aggregate gives one row
    digest = hashlib.sha256(f"{row['first']} {row['second']}".encode()).hexdigest()
    return TableFingerprint(table, row["rows"], digest[:32])


async def fingerprints(connection: Connection, *, without: Iterable[str] = (KEY_TABLE,)) -> list[TableFingerprint]:
    """Count and checksum of every table, but for those of these bare names; in a transaction."""
    left_out = set(without)
    return [
        await fingerprint(connection, table)
        for table, bare in (await tables(connection)).items()
        if bare not in left_out
    ]


async def differences(connection: Connection, expected: Iterable[TableFingerprint]) -> list[str]:
    """What is not as expected, a sentence for each table; in a transaction."""
    wanted = {each.name: each for each in expected}
    found = {each.name: each for each in await fingerprints(connection)}
    told = [f"{name} is missing" for name in wanted.keys() - found.keys()]
    told += [f"{name} was not there" for name in found.keys() - wanted.keys()]
    for name in wanted.keys() & found.keys():
        if wanted[name].rows != found[name].rows:
            told.append(f"{name} has {found[name].rows} rows in place of {wanted[name].rows}")
        elif wanted[name].checksum != found[name].checksum:
            told.append(f"{name} has as many rows, {found[name].rows}, but their content is another")
    return sorted(told)


async def is_empty(connection: Connection) -> bool:
    """Whether nobody has stored anything, migrated or not."""
    for table, bare in (await tables(connection)).items():
        if bare in BOOKKEEPING:
            continue
        if await connection.fetchval(f"SELECT EXISTS (SELECT FROM {table})"):  # noqa: S608 - quoted by the server  # nosec
            return False
    return True


async def has_column(connection: Connection, table: str, column: str) -> bool:
    """Whether the schema in force has a column; a table that is missing has none."""
    return bool(
        await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_attribute"
            " WHERE attrelid = to_regclass($1) AND attname = $2 AND NOT attisdropped)",
            table,
            column,
        )
    )


async def schema_revision(connection: Connection) -> str | None:
    """The revision of our migrations; None where they never ran."""
    if not await has_column(connection, "alembic_version", "version_num"):
        return None
    revision: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return revision
