"""What a store needs now and then: retention, old credentials, the approximate index and what it finds."""

from dataclasses import dataclass
from typing import Final

from facepass.application.expire_galleries import ExpireGalleries, Expiry
from facepass.application.forget_credentials import ForgetCredentials
from facepass.application.forget_jobs import ForgetJobs
from facepass.application.ports import VectorIndex

CANARY_PROBES: Final = 20
"""Searches that are compared with exact ones each time: some 400 photos, so that 0.95 is told from 0.90."""


@dataclass(frozen=True, slots=True)
class LookedAfter:
    """What one round did.

    Attributes:
        expiry: of sessions.
        indexes_mended: built, rebuilt or dropped.
        recall: of the approximate index, measured just now; None where no session is searched by it.
    """

    expiry: Expiry
    indexes_mended: int
    recall: float | None


class LookAfter:
    """One round; several replicas may go on it at once."""

    def __init__(
        self,
        *,
        expire: ExpireGalleries,
        forget_credentials: ForgetCredentials,
        forget_jobs: ForgetJobs,
        index: VectorIndex,
    ) -> None:
        self._expire = expire
        self._forget_credentials = forget_credentials
        self._forget_jobs = forget_jobs
        self._index = index

    async def __call__(self) -> LookedAfter:
        """Do what is due.

        Raises:
            DependencyUnavailable: the database; what was done until then holds.
        """
        expiry = await self._expire()
        await self._forget_credentials()
        await self._forget_jobs()
        mended = await self._index.mend()
        return LookedAfter(expiry, mended, await self._index.measure_recall(probes=CANARY_PROBES))
