"""The models that the database knows, and their numbers in it."""

from facepass.adapters.pgvector.statements import models as statements
from facepass.adapters.pgvector.transaction import Transaction
from facepass.domain.embedding import ModelId, TemplateSpace


class ModelTable:
    """One transaction's view of the table `models`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def spaces(self) -> dict[int, TemplateSpace]:
        """Every known space by its number."""
        rows = (await self._transaction.read(statements.ALL_MODELS, {})).all()
        return {row.pk: TemplateSpace(ModelId(row.name), row.dimension) for row in rows}

    async def number(self, space: TemplateSpace) -> int:
        """The number of a space, which gets a table of its own where it is new."""
        known = await self.spaces()
        return next((pk for pk, other in known.items() if other == space), None) or await self._add(space)

    async def _add(self, space: TemplateSpace) -> int:
        await self._transaction.write(statements.LOCK_MODELS, {})
        values = {"model": space.model, "dimension": space.dimension}
        added = (await self._transaction.write(statements.ADD_MODEL, values)).scalar_one_or_none()
        if added is None:  # another replica was first
            return next(pk for pk, other in (await self.spaces()).items() if other == space)
        for statement in statements.add_partition(added, space.dimension):
            await self._transaction.write(statement, {})
        return int(added)
