"""API keys and session tokens, for whoever operates the service on its own machine."""

from datetime import timedelta

from facepass.domain.api_key import check_scopes
from facepass.domain.gallery import SessionId
from facepass.entrypoints.container import build_container
from facepass.entrypoints.http import convert, schemas
from facepass.entrypoints.lifespan import storage_running
from facepass.entrypoints.settings import Settings


async def create_key(
    settings: Settings, *, name: str, scopes: tuple[str, ...], expires_in_days: int | None
) -> schemas.CreatedKey:
    """Make a key; the embedded database runs for as long as that takes.

    Raises:
        InvalidRequest, Conflict: see `CreateKey`.
        ConfigurationError, DependencyUnavailable: the database, or there is no SECRET_KEY.
    """
    lifetime = None if expires_in_days is None else timedelta(days=expires_in_days)
    container = build_container(settings)
    async with storage_running(container):
        made = await container.create_key()(name=name, scopes=check_scopes(scopes), lifetime=lifetime)
    return convert.created_key(made)


async def rotate_key(settings: Settings, prefix: str, *, grace_s: int) -> schemas.CreatedKey:
    """Put a new key in the place of one.

    Raises:
        InvalidRequest, NotFound, Conflict: see `RotateKey`.
        ConfigurationError, DependencyUnavailable: as above.
    """
    container = build_container(settings)
    async with storage_running(container):
        return convert.created_key(await container.rotate_key()(prefix, grace_s=grace_s))


async def revoke_key(settings: Settings, prefix: str) -> schemas.ManagedKey:
    """Take a key out of use.

    Raises:
        NotFound: there is none.
        ConfigurationError, DependencyUnavailable: the database.
    """
    container = build_container(settings)
    async with storage_running(container):
        return convert.managed_key(await container.revoke_key()(prefix), container.clock().now())


async def list_keys(settings: Settings) -> schemas.ManagedKeys:
    """All managed keys, newest first.

    Raises:
        ConfigurationError, DependencyUnavailable: the database.
    """
    container = build_container(settings)
    async with storage_running(container):
        return convert.managed_keys(await container.list_keys()(), container.clock().now())


def issue_token(settings: Settings, session: str, *, ttl_s: int, max_searches: int | None) -> schemas.IssuedToken:
    """Give a visitor a token. Starts nothing.

    Raises:
        InvalidRequest: naming what is out of range.
        ConfigurationError: there is no JWT_SECRET_KEY.
    """
    issue = build_container(settings).issue_token()
    session_id = SessionId.parse(session, "session")
    return convert.issued_token(issue(session_id, ttl_s=ttl_s, max_searches=max_searches))
