"""What a Markdown document holds that can be wrong: blocks of code with their marks, links, headings, inline code."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARK = re.compile(r"<!--\s*(not run|file|ends with):\s*(.*?)\s*-->", re.DOTALL)
_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        line: of its first fence, from 1.
        language: as the fence says it, lower case; empty where none is said.
        text: the code.
        not_run: why it cannot be run here; None where it can.
        file: the name under which it is kept for the blocks that follow; None for none.
        ends_with: the exit code it promises.
    """

    line: int
    language: str
    text: str
    not_run: str | None = None
    file: str | None = None
    ends_with: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    """Where something leads to."""

    line: int
    target: str


@dataclass(slots=True)
class Document:
    """One file.

    Attributes:
        anchors: ids of its headings that GitHub and the site agree on, and those written out in HTML.
        disputed: ids that only one of the two gives.
    """

    path: Path
    blocks: list[Block] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    code: list[Link] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    disputed: set[str] = field(default_factory=set)


def read(path: Path) -> Document:
    """Take a file apart.

    Raises:
        ValueError: a mark before a block of code is not well formed.
    """
    document = Document(path)
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(path.read_text(encoding="utf-8"))
    headings: list[str] = []
    marks: list[str] = []
    line = 1
    for number, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else line
        if token.type == "html_block":
            marks += [token.content]
            document.anchors.update(_ANCHOR.findall(token.content))
        elif token.type in {"fence", "code_block"}:
            document.blocks.append(_block(token, line, "".join(marks), path))
        elif token.type == "inline":
            if tokens[number - 1].type == "heading_open":
                headings.append(_text(token.children or ()))
            _take_inline(document, token.children or (), line)
        if token.type != "html_block":
            marks = []
    github, site = set(_numbered(map(github_slug, headings), "-")), set(_numbered(map(site_slug, headings), "_"))
    document.anchors |= github & site
    document.disputed = (github | site) - document.anchors
    return document


def _block(token: Token, line: int, comments: str, path: Path) -> Block:
    found = dict(_MARK.findall(comments))
    words = token.info.split()
    language = words[0].lower() if words else ""
    if any(not said for said in found.values()):
        raise ValueError(f"{path}:{line}: a mark before this block says nothing")
    code = found.get("ends with", "0")
    if not code.isdigit():
        raise ValueError(f"{path}:{line}: 'ends with' wants an exit code")
    return Block(line, language, token.content, found.get("not run"), found.get("file"), int(code))


def _take_inline(document: Document, children: Sequence[Token], line: int) -> None:
    for child in children:
        if child.type in {"softbreak", "hardbreak"}:
            line += 1
        target = child.attrGet("href") if child.type == "link_open" else None
        if child.type == "image":
            target = child.attrGet("src")
        if isinstance(target, str):
            document.links.append(Link(line, target))
        elif child.type == "code_inline":
            document.code.append(Link(line, child.content))
        elif child.type == "html_inline":
            document.anchors.update(_ANCHOR.findall(child.content))


def _text(children: Sequence[Token]) -> str:
    return "".join(child.content for child in children if child.type in {"text", "code_inline"})


def github_slug(heading: str) -> str:
    """The id that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def site_slug(heading: str) -> str:
    """The id that Python-Markdown's table of contents gives it, with its defaults."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def _numbered(slugs: Iterator[str], separator: str) -> Iterator[str]:
    """Each with a number from its second time on."""
    seen: dict[str, int] = {}
    for slug in slugs:
        times = seen.get(slug, 0)
        seen[slug] = times + 1
        yield f"{slug}{separator}{times}" if times else slug
