"""Templates on the wire: pgvector's binary format, both ways, without a detour over text.

They are stored in half precision, which costs at most 5e-4 in a cosine (in practice 2e-5 at 128 components) and halves
what a scan reads; a probe is compared in full precision.
"""

from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt
from pgvector import HalfVector, Vector
from sqlalchemy import Dialect
from sqlalchemy.types import UserDefinedType

from facepass.domain.errors import DependencyUnavailable

NO_VECTOR = "the database has no pgvector yet: run the migrations"
FIND_SCHEMA = """
    SELECT n.nspname FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE t.oid = to_regtype('halfvec')
"""


async def register_vector(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Teach a connection the types `vector` and `halfvec`, in whichever schema the extension lives.

    The package's own function of this name also asks for a type that is not used here and takes the schema for known.

    Raises:
        DependencyUnavailable: the database does not have the types yet.
    """
    schema = await connection.fetchval(FIND_SCHEMA)
    if schema is None:
        raise DependencyUnavailable("database", NO_VECTOR)
    await connection.set_type_codec(
        "vector", schema=schema, encoder=Vector.to_binary, decoder=Vector.from_binary, format="binary"
    )
    await connection.set_type_codec(
        "halfvec", schema=schema, encoder=HalfVector.to_binary, decoder=HalfVector.from_binary, format="binary"
    )


class Template(UserDefinedType[npt.NDArray[np.float16]]):
    """A column of type `halfvec` without a fixed dimension; in Python `(dimension,)` float16."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "HALFVEC"

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """From an array to what the codec of `register_vector` takes; None for a template that is sealed."""
        return _to_half

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """From what the codec gives to an array; None is what an outer join found nothing for."""
        return _to_array


class ProbeVector(UserDefinedType[npt.NDArray[np.float32]]):
    """A parameter of type `vector`; in Python `(dimension,)` float32."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """The type's name in SQL."""
        return "VECTOR"

    def bind_processor(self, dialect: Dialect) -> Any:  # noqa: ARG002 - SQLAlchemy's signature
        """From an array to what the codec of `register_vector` takes."""
        return Vector


def _to_half(value: npt.NDArray[Any] | None) -> HalfVector | None:
    return None if value is None else HalfVector(value)


def _to_array(value: HalfVector | None) -> npt.NDArray[np.float16] | None:
    return None if value is None else value.to_numpy()
