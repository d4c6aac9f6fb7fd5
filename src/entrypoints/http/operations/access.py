"""Tokens for visitors, and API keys."""

from typing import Any

from facepass.application.create_key import MAX_KEYS
from facepass.application.rotate_key import DEFAULT_GRACE_S, MAX_GRACE_S
from facepass.domain import api_key
from facepass.domain.access import Scope
from facepass.domain.session_token import DEFAULT_TTL_S, MAX_SEARCHES, MAX_TTL_S
from facepass.entrypoints.http import access, documented, schemas
from facepass.entrypoints.http.operations.operation import BODY, STORE, Operation

_KEY_IN_PATH = documented.SESSION_IN_PATH | {
    "name": "prefix",
    "description": "Of the key, as lists and logs show it.",
    "schema": {"type": "string", "minLength": 1},
    "example": documented.MANAGED_KEY.prefix,
}


def admission() -> tuple[Operation, ...]:
    """In the order of the document."""
    return (_tokens(), *_keys())


def _tokens() -> Operation:
    properties: dict[str, Any] = {
        "session_id": documented.ID,
        "ttl_s": {"type": "integer", "minimum": 1, "maximum": MAX_TTL_S, "default": DEFAULT_TTL_S},
        "max_searches": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": MAX_SEARCHES,
            "default": None,
            "description": "How many searches it is for; without it, any number.",
        },
    }
    return Operation(
        method="post",
        path="/tokens",
        name="issue_token",
        tag="Access",
        summary="Give a visitor a token",
        description="A JWT that may search one session, and look how far it is indexed, for `ttl_s` seconds. The "
        "session need not exist yet. The visitor sends it as `Authorization: Bearer …`. A search counts when its form "
        "is right and it is begun, whatever comes of it. A token cannot be taken back: give short ones.",
        answer=schemas.IssuedToken,
        example=schemas.IssuedToken(documented.JWT, documented.SESSION, documented.MOMENT, 20),
        errors=BODY,
        access=access.TOKEN,
        body=documented.json_object(
            properties, ["session_id"], {"session_id": documented.SESSION, "ttl_s": 7200, "max_searches": 20}
        ),
    )


def _keys() -> tuple[Operation, ...]:
    created = schemas.CreatedKey(documented.KEY_SECRET, documented.MANAGED_KEY)
    return (
        Operation(
            method="get",
            path="/keys",
            name="list_keys",
            tag="Access",
            summary="List API keys",
            description="Those kept in the database, newest first, without their secrets; ended ones for as long as "
            "backups are kept.",
            answer=schemas.ManagedKeys,
            example=schemas.ManagedKeys([documented.MANAGED_KEY]),
            errors=(*STORE, "internal"),
            access=access.ADMIN,
        ),
        Operation(
            method="post",
            path="/keys",
            name="create_key",
            tag="Access",
            summary="Make an API key",
            description="The secret is in this answer and nowhere else: only a keyed digest is kept. At most "
            f"{MAX_KEYS} keys. Not to be repeated blindly: each call makes a key.",
            answer=schemas.CreatedKey,
            example=created,
            errors=(*BODY, "conflict", *STORE),
            access=access.ADMIN,
            body=documented.json_object(_NEW_KEY, ["name", "scopes"], {"name": "photo site", "scopes": ["index"]}),
        ),
        Operation(
            method="post",
            path="/keys/{prefix}/rotate",
            name="rotate_key",
            tag="Access",
            summary="Replace an API key",
            description="Makes a key of the same name, scopes and length of life. The old one stays valid for "
            "`grace_s` seconds, so that whoever uses it can change over.",
            answer=schemas.CreatedKey,
            example=created,
            errors=(*BODY, "not_found", "conflict", *STORE),
            access=access.ADMIN,
            parameters=(_KEY_IN_PATH,),
            body=documented.json_object(
                {"grace_s": {"type": "integer", "minimum": 0, "maximum": MAX_GRACE_S, "default": DEFAULT_GRACE_S}},
                [],
                {"grace_s": 3600},
            ),
        ),
        Operation(
            method="delete",
            path="/keys/{prefix}",
            name="revoke_key",
            tag="Access",
            summary="Revoke an API key",
            description="For good; every replica refuses it within a second. Revoking it again changes nothing.",
            answer=schemas.ManagedKey,
            example=documented.MANAGED_KEY,
            errors=("not_found", *STORE, "internal"),
            access=access.ADMIN,
            parameters=(_KEY_IN_PATH,),
        ),
    )


_NEW_KEY: dict[str, Any] = {
    "name": {
        "type": "string",
        "minLength": 1,
        "maxLength": api_key.MAX_NAME_LENGTH,
        "description": "What you call it; printable characters.",
    },
    "scopes": {
        "type": "array",
        "minItems": 1,
        "maxItems": len(Scope),
        "items": {"type": "string", "enum": [scope.value for scope in Scope]},
    },
    "expires_in_days": {
        "type": ["integer", "null"],
        "minimum": 1,
        "maximum": api_key.MAX_LIFETIME_DAYS,
        "default": None,
        "description": "Without it, the key is valid until it is revoked.",
    },
}
