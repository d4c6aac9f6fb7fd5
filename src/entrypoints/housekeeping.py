"""What an operator asks of a store outside of requests: a round of upkeep now, and a change of the encryption key."""

from collections.abc import Callable

import msgspec

from facepass.adapters.pgvector.key_rotation import KeyRotation
from facepass.application.look_after import LookedAfter
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints import adapter_settings
from facepass.entrypoints.container import Container
from facepass.entrypoints.lifespan import storage_running
from facepass.entrypoints.settings import Settings

Progress = Callable[[str], None]


class Rotation(msgspec.Struct, frozen=True):
    """What a change of the encryption key did.

    Attributes:
        key_id: of the newest key, under which all data keys are now.
        rotated: data keys that were under another one.
    """

    key_id: str
    rotated: int


async def maintain(settings: Settings) -> LookedAfter:
    """One round of upkeep: retention, the index of very large sessions, and its recall.

    Raises:
        ConfigurationError, DependencyUnavailable: the database.
    """
    container = Container(settings=settings)
    async with storage_running(container):
        done: LookedAfter = await container.look_after()()
    return done


async def rotate_key(settings: Settings) -> Rotation:
    """Wrap every session's data key under the first key of ENCRYPTION_KEY.

    Raises:
        ConfigurationError: there is no key, or one that is still in use is missing.
        DependencyUnavailable: the database.
    """
    keyring = adapter_settings.keyring(settings)
    if keyring is None:
        raise ConfigurationError("ENCRYPTION_KEY is not set: name the new key first, then the one in use")
    container = Container(settings=settings)
    async with storage_running(container):
        rotate = KeyRotation(container.postgres_unit_of_work(), keyring=keyring, clock=container.clock())
        return Rotation(keyring.newest, await rotate())
