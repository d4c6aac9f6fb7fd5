"""Whether the object store answers, for the health answer and before photos are read again after an outage."""

from facepass.adapters.s3.image_source import S3ImageSource
from facepass.application.ports import Readiness
from facepass.domain.errors import ConfigurationError


class PhotoStoreReadiness(Readiness):
    """Asks for a photo that is not there.

    A refusal is an answer: some stores give one for every object that does not exist, to a key that may read those that
    do. `facepass doctor` tells of refusals, and the log does when photos are read.

    Args:
        source: over the bucket that is asked.
    """

    def __init__(self, source: S3ImageSource) -> None:
        self._source = source

    async def check(self) -> None:
        """See `Readiness.check`; the breaker that asks limits the time."""
        try:
            await self._source.check()
        except ConfigurationError:
            return
