"""What the domain needs of the world. Signatures carry domain types only."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from facepass.domain.embedding import Calibration, Embedding, ModelId
from facepass.domain.face import Image, Landmarks
from facepass.domain.gallery import Erasure, GalleryStatus, Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe


class EmbeddingModel(Protocol):
    """A face recogniser."""

    @property
    @abstractmethod
    def model_id(self) -> ModelId:
        """What its templates are bound to."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Components of an embedding."""

    @property
    @abstractmethod
    def calibration(self) -> Calibration:
        """From its cosine to similarity."""

    @abstractmethod
    async def embed(self, image: Image, faces: Sequence[Landmarks]) -> tuple[Embedding, ...]:
        """One template a face, in order; norm 1 within `NORM_TOLERANCE`.

        Args:
            image: the decoded picture.
            faces: landmarks in the pixels of `image.pixels`.

        A face's template does not depend on what else is embedded at the same time, beyond 1e-5 in cosine.
        """


class VectorRepository(Protocol):
    """Galleries and their templates. Lives inside a unit of work: nothing holds before its commit."""

    @abstractmethod
    async def replace_photo(self, photo: Photo, model: ModelId) -> bool:
        """Store a photo and its templates in place of whatever was stored of it; whether something was.

        Creates the gallery, bound to `model`, with its first photo. Safe under concurrency: the same photo stored
        by several at once ends as one of them, whole.

        Raises:
            Conflict: the gallery is bound to another model.
        """

    @abstractmethod
    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """The photos of one gallery whose best face reaches `least_cosine` (inclusive), exact, at most `limit`.

        The score of a face is its inner product with the probe, clamped to -1..1; adapters agree on it within 1e-6.
        Templates of other models never compare. An unknown gallery has no candidates.
        """

    @abstractmethod
    async def gallery(self, session_id: SessionId) -> GalleryStatus | None:
        """A gallery in numbers; None for one never seen."""

    @abstractmethod
    async def photo(self, session_id: SessionId, photo_id: PhotoId) -> Photo | None:
        """What is kept of one photo, templates in order of face number."""

    @abstractmethod
    async def delete_gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """Remove a gallery with all it holds. Removing what is not there removes nothing and is no error."""


class ImageSource(Protocol):
    """Where photos named by a key are read from."""

    @abstractmethod
    async def read(self, key: str) -> bytes:
        """The photo's bytes, within the source's byte budget.

        Raises:
            InvalidRequest: the key cannot name a photo here (it would leave the root, for instance).
            NotFound: no such photo.
            PayloadTooLarge: more bytes than the budget.
            DependencyUnavailable: the source is out of reach.
        """
