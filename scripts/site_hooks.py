"""What mkdocs does for our site beside its usual: fill in folders, point out files that are no pages, draw diagrams.

- `folder/*` in the navigation stands for all pages of a folder, its README first, the others by name.
- A link that leaves `docs/` has no page to lead to. With `repo_url` it leads there; without, the file is named.
- A page with a diagram gets the script that draws it, which is kept in `docs/assets/mermaid`, not fetched.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

DIAGRAMS = "assets/mermaid/mermaid.tiny.js"
_LINK = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<path>\.\./[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
_ORDINAL = re.compile(r"^\d+\. ")


def on_config(config: Any) -> Any:
    """Fill in the folders of the navigation."""
    config["nav"] = [_filled(entry, Path(config["docs_dir"])) for entry in config["nav"]]
    return config


def _filled(entry: Any, docs: Path) -> Any:
    if not isinstance(entry, dict):
        return entry
    ((title, value),) = entry.items()
    if isinstance(value, list):
        return {title: [_filled(each, docs) for each in value]}
    if not str(value).endswith("/*"):
        return entry
    folder = docs / str(value).removesuffix("/*")
    pages = sorted(folder.glob("*.md"), key=lambda page: (page.stem.lower() not in {"readme", "index"}, page.name))
    return {title: [{_title(page): page.relative_to(docs).as_posix()} for page in pages]}


def _title(page: Path) -> str:
    found = _TITLE.search(page.read_text(encoding="utf-8"))
    title = found[1].replace("`", "") if found else page.stem
    return title if _ORDINAL.match(title) else title[:1].upper() + title[1:]


def on_page_markdown(markdown: str, *, page: Any, config: Any, **_: Any) -> str:
    """Point out files outside of `docs/`."""
    depth = len(PurePosixPath(page.file.src_uri).parents) - 1

    def pointed_out(found: re.Match[str]) -> str:
        path = PurePosixPath(found["path"])
        ups = sum(part == ".." for part in path.parts)
        if ups <= depth:  # still inside of docs/
            return found[0]
        inside = "/".join(part for part in path.parts if part != "..")
        if config["repo_url"]:
            return f"[{found['text']}]({config['repo_url'].rstrip('/')}/blob/main/{inside}{found['anchor'] or ''})"
        shown = found["text"].strip("`")
        return f"`{inside}`" if shown in {inside, path.name, str(path)} else f"{found['text']} (`{inside}`)"

    return _LINK.sub(pointed_out, markdown)


def on_page_content(html: str, *, page: Any, **_: Any) -> str:
    """Bring the script along that draws the page's diagrams."""
    if 'class="mermaid"' not in html:
        return html
    ups = "../" * (len(PurePosixPath(page.url).parts) - 1)
    return f'{html}\n<script src="{ups}{DIAGRAMS}"></script>'
