"""Galleries, measured: how long searches in the store take, and what was stored."""

from collections.abc import Mapping, Sequence

from facepass.adapters.telemetry.store_metrics import NEW, REPLACED, StoreMetrics, Tally
from facepass.application.ports import Clock
from facepass.application.ports.passing import PassingRepository
from facepass.domain.embedding import TemplateSpace
from facepass.domain.gallery import Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from facepass.domain.ports import VectorRepository


class MeteredRepository(PassingRepository):
    """Times searches that come to an end, and notes the photos that were written.

    Args:
        inner: of the unit of work.
        tally: of the unit of work.
        metrics: where searches are counted.
        clock: measures.
    """

    def __init__(self, inner: VectorRepository, *, tally: Tally, metrics: StoreMetrics, clock: Clock) -> None:
        super().__init__(inner)
        self._tally = tally
        self._metrics = metrics
        self._clock = clock

    async def replace_photos(
        self, session_id: SessionId, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int
    ) -> frozenset[PhotoId]:
        """See `VectorRepository.replace_photos`."""
        replaced = await super().replace_photos(session_id, editions, since=since)
        photos = len(next(iter(editions.values())))
        self._tally.photos(REPLACED, len(replaced))
        self._tally.photos(NEW, photos - len(replaced))
        return replaced

    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """See `VectorRepository.candidates`."""
        begun_s = self._clock.elapsed_s()
        found = await super().candidates(session_id, probe, least_cosine=least_cosine, limit=limit)
        self._metrics.searched(found.mode, self._clock.elapsed_s() - begun_s)
        return found
