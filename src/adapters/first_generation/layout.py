"""What the old table looks like, and whether it can be read as one of the first generation."""

from dataclasses import dataclass

from facepass.adapters.first_generation.connection import Connection
from facepass.adapters.first_generation.errors import vendor_errors
from facepass.domain.errors import ConfigurationError

TABLE = "face_embeddings"

_WHOLE = ("int2", "int4", "int8")
_IDS = (*_WHOLE, "uuid", "text", "varchar", "bpchar")
_EXPECTED = {
    "id": (*_WHOLE, "uuid", "text", "varchar"),
    "face_id": _IDS,
    "event_id": _IDS,
    "photo_id": _IDS,
    "session_id": _IDS,
    "embedding": ("vector",),
    "confidence": ("float4", "float8", "numeric"),
    "created_at": ("timestamp", "timestamptz"),
}
_FIND_TABLE = """
    SELECT c.oid, n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_FIND_COLUMNS = """
    SELECT a.attname, t.typname, a.atttypmod, n.nspname
    FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """A table of the first generation.

    Attributes:
        schema: where it lives.
        id_type: of the column `id`, as SQL writes it.
        vector_schema: where the type `vector` lives.
        dimension: components of every vector; None where the column does not say.
    """

    schema: str
    id_type: str
    vector_schema: str
    dimension: int | None

    def qualified(self, table: str) -> str:
        """A table of the same schema, quoted for SQL."""
        return f"{_quoted(self.schema)}.{_quoted(table)}"


async def read_layout(connection: Connection) -> Layout:
    """Look at the old table. Columns beyond the expected ones are no matter.

    Raises:
        ConfigurationError: it is missing, or is not of the first generation; names every column at fault.
    """
    with vendor_errors():
        found = await connection.fetchrow(_FIND_TABLE, TABLE)
        if found is None:
            raise ConfigurationError(f"the old database has no table {TABLE}: see the DSN and its search_path")
        columns = {row["attname"]: row for row in await connection.fetch(_FIND_COLUMNS, found["oid"])}
    faults = [
        _fault(name, types, columns[name]["typname"] if name in columns else None) for name, types in _EXPECTED.items()
    ]
    if any(faults):
        raise ConfigurationError(f"{TABLE} is not of the first generation: {'; '.join(filter(None, faults))}")
    id_type, vector = columns["id"]["typname"], columns["embedding"]
    layout = Layout(
        found["nspname"],
        "text" if id_type == "varchar" else id_type,
        vector["nspname"],
        vector["atttypmod"] if vector["atttypmod"] > 0 else None,
    )
    await _check_ids(connection, layout)
    return layout


def _fault(name: str, types: tuple[str, ...], found: str | None) -> str | None:
    if found is None:
        return f"it has no column {name}"
    return None if found in types else f"its {name} is {found}, not {' or '.join(types)}"


async def _check_ids(connection: Connection, layout: Layout) -> None:
    """An import goes on after the id where it stopped, so ids must tell rows apart."""
    with vendor_errors():
        rows, ids = await connection.fetchrow(
            f"SELECT count(*), count(DISTINCT id) FROM {layout.qualified(TABLE)}"  # noqa: S608 - a quoted name  # nosec
        ) or (0, 0)
    if rows != ids:
        raise ConfigurationError(
            f"{TABLE} has {rows} rows but {ids} ids: give every row an id of its own first, such as by a new column"
        )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
