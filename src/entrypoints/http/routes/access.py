"""Tokens for visitors, and the management of API keys."""

from datetime import timedelta

from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from facepass.application.create_key import CreateKey
from facepass.application.issue_token import IssueToken
from facepass.application.list_keys import ListKeys
from facepass.application.ports import Clock
from facepass.application.revoke_key import RevokeKey
from facepass.application.rotate_key import DEFAULT_GRACE_S, RotateKey
from facepass.domain import api_key
from facepass.domain.access import Scope
from facepass.domain.errors import InvalidRequest
from facepass.domain.gallery import SessionId
from facepass.domain.session_token import DEFAULT_TTL_S
from facepass.entrypoints.http import access, convert
from facepass.entrypoints.http.answers import HttpRequest, answer
from facepass.entrypoints.http.body import BodyBudget
from facepass.entrypoints.http.json_body import read_fields
from facepass.entrypoints.http.parameters import path_text


@post("/tokens", status_code=200, opt={"access": access.TOKEN})
async def issue(
    request: HttpRequest,
    issue_token: NamedDependency[SkipValidation[IssueToken]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Give a visitor a token."""
    known = {"session_id", "ttl_s", "max_searches"}
    fields = await read_fields(request, bodies, known=known, expected="`session_id`")
    session_id = fields.opaque_id("session_id", SessionId)
    ttl_s, max_searches = fields.integer("ttl_s", DEFAULT_TTL_S), fields.integer_or_null("max_searches")
    if session_id is None or fields.errors:
        raise InvalidRequest(*fields.errors)
    issued = issue_token(session_id, ttl_s=ttl_s, max_searches=max_searches)
    return answer(request, convert.issued_token(issued))


@get("/keys", opt={"access": access.ADMIN})
async def keys(
    request: HttpRequest,
    list_keys: NamedDependency[SkipValidation[ListKeys]],
    clock: NamedDependency[SkipValidation[Clock]],
) -> Response[bytes]:
    """All managed keys."""
    return answer(request, convert.managed_keys(await list_keys(), clock.now()))


@post("/keys", status_code=200, opt={"access": access.ADMIN})
async def new_key(
    request: HttpRequest,
    create_key: NamedDependency[SkipValidation[CreateKey]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Make a key."""
    known = {"name", "scopes", "expires_in_days"}
    fields = await read_fields(request, bodies, known=known, expected="`name` and `scopes`")
    name, scopes = fields.text("name"), fields.texts("scopes", most=len(Scope))
    days = fields.integer_or_null("expires_in_days")
    if days is not None and not 1 <= days <= api_key.MAX_LIFETIME_DAYS:
        fields.refuse("expires_in_days", f"must be between 1 and {api_key.MAX_LIFETIME_DAYS}, is {days}")
    if name is None or fields.errors:
        raise InvalidRequest(*fields.errors)
    lifetime = None if days is None else timedelta(days=days)
    made = await create_key(name=name, scopes=api_key.check_scopes(scopes), lifetime=lifetime)
    return answer(request, convert.created_key(made))


@post("/keys/{prefix:str}/rotate", status_code=200, opt={"access": access.ADMIN})
async def rotate(
    request: HttpRequest,
    rotate_key: NamedDependency[SkipValidation[RotateKey]],
    bodies: NamedDependency[SkipValidation[BodyBudget]],
) -> Response[bytes]:
    """Put a new key in the place of one."""
    prefix = path_text(request, "prefix")
    fields = await read_fields(request, bodies, known={"grace_s"}, expected="`grace_s`, or an empty one")
    grace_s = fields.integer("grace_s", DEFAULT_GRACE_S)
    fields.check()
    made = await rotate_key(prefix, grace_s=grace_s)
    return answer(request, convert.created_key(made))


@delete("/keys/{prefix:str}", status_code=200, opt={"access": access.ADMIN})
async def revoke(
    request: HttpRequest,
    revoke_key: NamedDependency[SkipValidation[RevokeKey]],
    clock: NamedDependency[SkipValidation[Clock]],
) -> Response[bytes]:
    """Take a key out of use."""
    return answer(request, convert.managed_key(await revoke_key(path_text(request, "prefix")), clock.now()))
