"""What migrations of filled tables need while an older version goes on serving: short transactions, and short locks.

Whoever waits for a lock keeps everybody out who comes later, also those whom the holder would let in. So a lock that
keeps readers out is waited for no longer than `migrate.LOCK_TIMEOUT_S` on each table, and the whole migration is begun
again when that was too short. A lock that keeps only writers out may be waited for longer, and comes before.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from alembic import op
from sqlalchemy import BigInteger, Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

WRITER_LOCK_TIMEOUT_S = 2.0
"""Longer than PostgreSQL's `deadlock_timeout`, after which automatic vacuuming ends itself for whoever waits."""


def rows(statement: str, **values: Any) -> Sequence[Row[Any]]:
    """What a statement returns; nothing for one that returns no rows. Lists are arrays of bigint."""
    lists = [bindparam(name, type_=ARRAY(BigInteger)) for name, value in values.items() if isinstance(value, list)]
    result = op.get_bind().execute(text(statement).bindparams(*lists), values)
    return result.all() if result.returns_rows else ()


def lock_out_writers(*tables: str, mode: str = "EXCLUSIVE") -> None:
    """Wait for those who write to the tables, in this order, and let no new ones in. Reading goes on."""
    before = rows("SHOW lock_timeout")[0][0]
    op.execute(f"SET LOCAL lock_timeout = '{WRITER_LOCK_TIMEOUT_S}s'")
    op.execute(f"LOCK TABLE {', '.join(tables)} IN {mode} MODE")
    op.execute(f"SET LOCAL lock_timeout = '{before}'")


def find_by_key() -> None:
    """Have the rest of the transaction join tables as it names them, in that order, and find each row by its key.

    The planner would choose by statistics, which a table that is being filled does not have yet.
    """
    op.execute("SET LOCAL join_collapse_limit = 1")
    for method in ("seqscan", "hashjoin", "mergejoin", "material"):
        op.execute(f"SET LOCAL enable_{method} = off")


@contextmanager
def short_transaction() -> Iterator[None]:
    """Statements that see the same rows, and hold or not, all of them. Inside alembic's autocommit block."""
    op.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    try:
        op.execute(f"SET LOCAL lock_timeout = '{WRITER_LOCK_TIMEOUT_S}s'")
        yield
    except BaseException:
        if not op.get_bind().invalidated:
            op.execute("ROLLBACK")
        raise
    op.execute("COMMIT")
