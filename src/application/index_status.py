"""What the service searches with: its model, what it holds, and the index behind it."""

from dataclasses import dataclass

from facepass.application.ports import EmbeddingModels, IndexHealth, StoreTotals, UnitOfWorkFactory, VectorIndex
from facepass.domain.embedding import TemplateSpace


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """The service's store at one moment.

    Attributes:
        space: of new sessions.
        totals: of all sessions, whatever their model.
        exact_max_faces: sessions up to so many faces are searched exactly.
    """

    space: TemplateSpace
    totals: StoreTotals
    index: IndexHealth
    exact_max_faces: int


class GetIndexStatus:
    """Asks the store and the index."""

    def __init__(
        self, *, models: EmbeddingModels, unit_of_work: UnitOfWorkFactory, index: VectorIndex, exact_max_faces: int
    ) -> None:
        self._models = models
        self._unit_of_work = unit_of_work
        self._index = index
        self._exact_max_faces = exact_max_faces

    async def __call__(self) -> IndexStatus:
        """The present state.

        Raises:
            DependencyUnavailable: the database.
        """
        async with self._unit_of_work() as transaction:
            totals = await transaction.catalogue.totals()
        return IndexStatus(self._models.default.space, totals, await self._index.inspect(), self._exact_max_faces)
