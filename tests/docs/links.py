"""Whether links lead somewhere. Those to other hosts are looked at, not followed: there may be no network."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.docs.document import Document, Link

HERE = {"localhost", "127.0.0.1", "[::1]"}
"""Hosts that may be spoken to without TLS."""
_HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}", re.IGNORECASE)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}", re.IGNORECASE)


def dead_links(document: Document, documents: Mapping[Path, Document], root: Path) -> Iterator[str]:
    """What is wrong with the links of a document, a line each.

    Args:
        document: whose links.
        documents: all of them, by path.
        root: of the repository: nothing leads out of it.
    """
    for link in document.links:
        problem = _problem(link, document, documents, root)
        if problem:
            yield f"{document.path.relative_to(root)}:{link.line}: {link.target}: {problem}"


def _problem(link: Link, document: Document, documents: Mapping[Path, Document], root: Path) -> str | None:
    parts = urlsplit(link.target)
    if parts.scheme in {"http", "https"}:
        return _elsewhere(parts.scheme, (parts.hostname or "").lower())
    if parts.scheme == "mailto":
        return None if _MAIL.fullmatch(parts.path) else "no address of mail"
    if parts.scheme or parts.netloc:
        return "neither a file nor a page"
    return _here(unquote(parts.path), unquote(parts.fragment), document, documents, root)


def _here(path: str, anchor: str, document: Document, documents: Mapping[Path, Document], root: Path) -> str | None:
    if path.startswith("/"):
        return "begins with /: write it from this file on"
    target = (document.path.parent / path).resolve() if path else document.path
    if not target.is_relative_to(root):
        return "leads out of the repository"
    if not target.exists():
        return "is not there"
    return _anchor_problem(anchor, target, documents) if anchor else None


def _elsewhere(scheme: str, host: str) -> str | None:
    if host in HERE:
        return None
    if scheme != "https":
        return "goes without TLS"
    return None if _HOST.fullmatch(host) else "names no host"


def _anchor_problem(anchor: str, path: Path, documents: Mapping[Path, Document]) -> str | None:
    target = documents.get(path)
    if target is None:
        return "has an anchor, but leads to no document"
    if anchor in target.anchors:
        return None
    if anchor in target.disputed:
        return "GitHub and the site give this heading different ids: word it more plainly"
    return "has no such heading"
