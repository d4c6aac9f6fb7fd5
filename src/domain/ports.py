"""What the domain needs of the world. Signatures carry domain types only."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from facepass.domain.embedding import Calibration, Embedding, ModelId, TemplateSpace
from facepass.domain.face import Image, Landmarks
from facepass.domain.gallery import Erasure, GalleryState, GalleryStatus, Photo, PhotoId, SessionId
from facepass.domain.identification import CandidateList, Probe
from facepass.domain.rate import RateDecision, RateLimit


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
    def space(self) -> TemplateSpace:
        """Where its templates live."""
        return TemplateSpace(self.model_id, self.dimension)

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
    """Galleries and their templates. Lives inside a unit of work: nothing holds before its commit.

    Writers of one gallery take turns, from their first write to the end of their unit of work.
    """

    @abstractmethod
    async def state(self, session_id: SessionId) -> GalleryState:
        """What must be known before working on a gallery; that of an erased one holds nothing but its revision."""

    @abstractmethod
    async def replace_photos(
        self, session_id: SessionId, editions: Mapping[TemplateSpace, Sequence[Photo]], *, since: int
    ) -> frozenset[PhotoId]:
        """Store photos of one gallery in place of whatever was stored of them; which of them were stored before.

        Creates the gallery with its first photos, bound to the space of the first edition. Templates are kept in half
        precision. Safe under concurrency: a photo stored by several at once ends as one of them, whole. In whatever
        order they come, the one that was asked for last (`Photo.requested_at`) stays.

        Args:
            session_id: of all of them.
            editions: the same photos, each once, in every space of the gallery (`GalleryState.spaces`).
            since: the gallery's revision before the pictures were looked at.

        Raises:
            Conflict: the gallery is bound to another model.
            GalleryChanged: it needs templates of other spaces than when the caller looked.
            ErasedMeanwhile: the gallery or one of the photos was erased after `since`.
        """

    @abstractmethod
    async def candidates(
        self, session_id: SessionId, probe: Probe, *, least_cosine: float, limit: int
    ) -> CandidateList:
        """The photos of one gallery whose best face reaches `least_cosine` (inclusive), at most `limit`.

        The score of a face is its inner product with the probe, clamped to -1..1; it differs by no more than 5e-4 from
        what the template had before it was stored, and within one mode adapters agree on it within 1e-6. A gallery
        that holds nothing has no candidates.

        Raises:
            GalleryChanged: the gallery serves templates of another space than the probe's.
        """

    @abstractmethod
    async def gallery(self, session_id: SessionId) -> GalleryStatus | None:
        """A gallery in numbers; None for one that was never seen or is erased."""

    @abstractmethod
    async def photo(self, session_id: SessionId, photo_id: PhotoId) -> Photo | None:
        """What is kept of one photo for the served model, templates in order of face number."""

    @abstractmethod
    async def delete_gallery(self, session_id: SessionId, *, at: datetime) -> Erasure:
        """Remove a gallery with all it holds. Removing what is not there removes nothing and is no error.

        Whoever began to index a photo of it before (`since`) can no longer store it.
        """

    @abstractmethod
    async def delete_photo(self, session_id: SessionId, photo_id: PhotoId, *, at: datetime) -> Erasure:
        """Remove one photo, for every model; otherwise as `delete_gallery`."""

    @abstractmethod
    async def forget_faces(
        self, session_id: SessionId, probes: Sequence[tuple[Probe, float]], *, at: datetime
    ) -> Erasure:
        """Remove every face whose score reaches the least cosine beside the probe of its space; the photos stay.

        Args:
            session_id: whose faces.
            probes: the person in every space of the gallery, each with its least cosine.
            at: the present moment.

        Raises:
            GalleryChanged: the gallery has other spaces than the probes.
        """


class ImageSource(Protocol):
    """Where photos named by a key are read from."""

    @abstractmethod
    async def read(self, key: str) -> bytes:
        """The photo's bytes, within the source's byte budget.

        Raises:
            InvalidRequest: the key cannot name a photo here (it would leave the root, for instance).
            NotFound: no such photo.
            PayloadTooLarge: more bytes than the budget.
            DependencyUnavailable: the source is out of reach, or refuses this service.
        """

    @abstractmethod
    def keys(self, prefix: str) -> AsyncGenerator[str, None]:
        """The keys of all pictures that begin with `prefix`, in the order of their code points.

        Each can be given to `read`. Told are files whose names end as those of pictures do, but no hidden ones (a
        component begins with a dot). A bounded number is in memory at once; what is put in or taken out meanwhile may
        be told or not. It is an async generator, so that it can be closed by whoever does not read it to its end.

        Args:
            prefix: of the key: a folder with its slash, or the beginning of names; empty for everything.

        Raises:
            InvalidRequest: no key begins like that.
            ConfigurationError: the source refuses this service; what an operator can do about it.
            DependencyUnavailable: the source is out of reach.
        """


class RateLimiter(Protocol):
    """Counts how often subjects do something, over all replicas that share it.

    Exact: no window of `per_s` seconds, wherever it begins, holds more admitted hits than `most`, and no hit is refused
    while the window that ends with it holds fewer. What is refused does not count.
    """

    @abstractmethod
    async def hit(self, subject: str, limit: RateLimit) -> RateDecision:
        """Ask for one more time.

        Args:
            subject: who or what is counted, such as `search:token:…`. Each has a count of its own; to ask for one
                subject under several limits is an error of the caller that is not noticed.
            limit: how often.

        Raises:
            DependencyUnavailable: what the replicas share is out of reach; nothing was counted.
        """
