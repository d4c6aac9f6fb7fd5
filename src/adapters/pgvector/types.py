"""Templates on the wire: float32 in pgvector's binary format, both ways, without a detour over text."""

from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt
from pgvector import Vector
from sqlalchemy import Dialect
from sqlalchemy.types import UserDefinedType

from facepass.domain.errors import DependencyUnavailable

NO_VECTOR = "the database has no pgvector yet: run the migrations"
FIND_SCHEMA = """
    SELECT n.nspname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.oid = to_regtype('vector')
"""


async def register_vector(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Teach a connection the type `vector`, in whichever schema the extension lives.

    The package's own function of this name also asks for two types that are not used here and takes the schema for
    known: three questions to the server for each new connection instead of two.

    Raises:
        DependencyUnavailable: the database does not have the type yet.
    """
    schema = await connection.fetchval(FIND_SCHEMA)
    if schema is None:
        raise DependencyUnavailable("database", NO_VECTOR)
    await connection.set_type_codec(
        "vector", schema=schema, encoder=Vector.to_binary, decoder=Vector.from_binary, format="binary"
    )


class Template(UserDefinedType[npt.NDArray[np.float32]]):
    """A column or parameter of type `vector` without a fixed dimension; in Python `(dimension,)` float32."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "VECTOR"

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """From an array to what the codec of `register_vector` takes."""
        return Vector

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """From what the codec gives to an array of its own memory; None is what an outer join found nothing for."""
        return _to_array


def _to_array(value: Vector | None) -> npt.NDArray[np.float32] | None:
    return None if value is None else value.to_numpy()
