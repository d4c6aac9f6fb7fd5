"""The query of the few routes that have one; all others refuse any: see `app`."""

import re

from facepass.domain.errors import FieldError, InvalidRequest
from facepass.entrypoints.http.answers import HttpRequest

SHOWN_NAME_CHARS = 64
_INTEGER = re.compile(r"\d{1,9}", re.ASCII)


def read_query(request: HttpRequest, known: set[str]) -> dict[str, str]:
    """The parameters, each given once.

    Raises:
        InvalidRequest: naming every one that is unknown or given twice.
    """
    found: dict[str, str] = {}
    errors = []
    for name, value in request.query_params.multi_items():
        if name not in known:
            errors.append(FieldError(name[:SHOWN_NAME_CHARS], "is not a query parameter of this route"))
        elif name in found:
            errors.append(FieldError(name, "is given twice"))
        else:
            found[name] = value
    if request.scope["query_string"] and not found and not errors:
        errors.append(FieldError("query", "is not a query of this route"))
    if errors:
        raise InvalidRequest(*dict.fromkeys(errors))
    return found


def whole_number(query: dict[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """An optional whole number.

    Raises:
        InvalidRequest: naming it.
    """
    text = query.get(name)
    if text is None:
        return default
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        raise InvalidRequest.field(name, f"must be a whole number between {least} and {most}")
    return int(text)


async def own_query(_: HttpRequest) -> None:
    """In place of the check that refuses every query: the handler reads it with `read_query`."""
