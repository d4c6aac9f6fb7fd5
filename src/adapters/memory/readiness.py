"""The readiness of what cannot be out of reach."""

from facepass.application.ports import Readiness


class AlwaysReady(Readiness):
    """Memory answers."""

    async def check(self) -> None:
        """See `Readiness.check`."""
