"""Tokens for visitors, and API keys as their managers see them."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from facepass.entrypoints.http.schemas.values import Count


class IssuedToken(Struct, frozen=True):
    """A visitor's token. It is shown only now."""

    token: str
    session_id: str
    expires_at: datetime
    max_searches: Annotated[Count | None, Meta(description="How many searches it is for; null for any number.")]


class ManagedKey(Struct, frozen=True):
    """An API key without its secret."""

    prefix: Annotated[str, Meta(description="Names the key; the first part of it, and no secret.")]
    name: str
    scopes: list[str]
    valid: bool
    created_at: datetime
    expires_at: Annotated[datetime | None, Meta(description="From when it is no longer valid; null for never.")]
    revoked_at: datetime | None
    last_used_at: Annotated[datetime | None, Meta(description="To the minute; null for never.")]


class ManagedKeys(Struct, frozen=True):
    """The keys that are kept in the database, newest first. Those of `API_KEYS` are not among them."""

    keys: list[ManagedKey]


class CreatedKey(Struct, frozen=True):
    """A new key. Its secret is shown only now."""

    secret: Annotated[str, Meta(description="The whole key, for the header `X-API-Key`.")]
    key: ManagedKey
