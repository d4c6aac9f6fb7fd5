"""The object store in the words of the adapters that ask it, for photos and backups alike."""

from facepass.adapters.s3.address import ObjectStoreAddress
from facepass.domain.errors import ConfigurationError
from facepass.entrypoints.settings import ObjectStore


def address_of(store: ObjectStore, *, needed_for: str) -> ObjectStoreAddress:
    """Where the object store is, and the key to it.

    Args:
        store: as configured.
        needed_for: what cannot be done without, for the message.

    Raises:
        ConfigurationError: there is no key.
    """
    if store.s3_access_key is None or store.s3_secret_key is None:
        raise ConfigurationError(f"{needed_for} needs S3_ACCESS_KEY and S3_SECRET_KEY")
    return ObjectStoreAddress(
        endpoint_of(store), store.s3_region, store.s3_access_key.reveal(), store.s3_secret_key.reveal()
    )


def endpoint_of(store: ObjectStore) -> str | None:
    """The address of the object store with its scheme; None for Amazon's."""
    if store.s3_endpoint is None or "://" in store.s3_endpoint:
        return store.s3_endpoint
    return f"{'https' if store.s3_secure else 'http'}://{store.s3_endpoint}"
