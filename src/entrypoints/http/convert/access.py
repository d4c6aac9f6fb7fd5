"""Tokens and API keys."""

from collections.abc import Sequence
from datetime import datetime

from facepass.application.create_key import NewKey
from facepass.application.issue_token import IssuedToken
from facepass.domain.api_key import ApiKey
from facepass.entrypoints.http import schemas


def issued_token(issued: IssuedToken) -> schemas.IssuedToken:
    """A token to hand out."""
    token = issued.token
    return schemas.IssuedToken(issued.text, token.session_id, token.expires_at, token.max_searches)


def managed_key(key: ApiKey, now: datetime) -> schemas.ManagedKey:
    """A key without its digest."""
    return schemas.ManagedKey(
        key.prefix,
        key.name,
        sorted(key.scopes),
        key.is_valid(now),
        key.created_at,
        key.expires_at,
        key.revoked_at,
        key.last_used_at,
    )


def managed_keys(keys: Sequence[ApiKey], now: datetime) -> schemas.ManagedKeys:
    """All keys."""
    return schemas.ManagedKeys([managed_key(key, now) for key in keys])


def created_key(made: NewKey) -> schemas.CreatedKey:
    """A key that is shown once."""
    return schemas.CreatedKey(made.text, managed_key(made.key, made.key.created_at))
