"""The site is built strictly, and its pages ask no other host for anything."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.docs.site import build, foreign_assets

ROOT = Path(__file__).parents[3]
sys.path.append(str(ROOT / "scripts"))

import site_hooks  # noqa: E402  # lies beside the other scripts, and is no package


@pytest.mark.parametrize(
    ("html", "assets"),
    [
        ('<script src="https://cdn.example/x.js"></script>', ["https://cdn.example/x.js"]),
        ('<link rel="stylesheet" href="//fonts.example/a.css">', ["//fonts.example/a.css"]),
        ('<link href="https://fonts.example" rel=preconnect>', ["https://fonts.example"]),
        ("<img src=http://pictures.example/a.png>", ["http://pictures.example/a.png"]),
        ("<style>@import 'https://a.example/b.css';</style>", ["https://a.example/b.css"]),
        ("<style>x { background: url(//c.example/d) }</style>", ["//c.example/d"]),
        ('<a href="https://example.org">out</a><script src="../x.js"></script>', []),
        ('<link rel="canonical" href="https://example.org">', []),
    ],
)
def test_what_a_page_loads(html: str, assets: list[str]) -> None:
    assert list(foreign_assets(html)) == assets


@pytest.mark.parametrize(("text", "faults"), [("# Home\n", 0), ("# Home\n\n[gone](gone.md)\n", 1)])
def test_a_warning_is_an_error(tmp_path: Path, text: str, faults: int) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(text)
    (tmp_path / "mkdocs.yml").write_text("site_name: x\ntheme: {name: null, custom_dir: theme}\nplugins: []\n")
    (tmp_path / "theme").mkdir()
    (tmp_path / "theme" / "main.html").write_text("{{ page.content }}")
    found = list(build(tmp_path, tmp_path / "site"))
    assert bool(found) == bool(faults), found
    assert all("gone.md" in line or "strict" in line for line in found)


def page(path: str) -> SimpleNamespace:
    return SimpleNamespace(file=SimpleNamespace(src_uri=path), url=path.replace(".md", ".html"))


def pointed_out(text: str, *, path: str = "security.md", repo_url: str | None = None) -> str:
    return site_hooks.on_page_markdown(text, page=page(path), config={"repo_url": repo_url})


def test_links_out_of_the_documents_name_the_file() -> None:
    assert pointed_out("The [image](../Dockerfile).") == "The image (`Dockerfile`)."
    assert pointed_out("See [docker-compose.yml](../docker-compose.yml).") == "See `docker-compose.yml`."
    assert pointed_out("[a](../../src/x.py#L1)", path="adr/1.md") == "a (`src/x.py`)"
    assert pointed_out("[a](../guide.md#b) [c](d.md)", path="adr/1.md") == "[a](../guide.md#b) [c](d.md)"


def test_with_an_address_of_the_repository_they_lead_there() -> None:
    shown = pointed_out("[image](../Dockerfile)", repo_url="https://code.example/facepass/")
    assert shown == "[image](https://code.example/facepass/blob/main/Dockerfile)"


def test_folders_of_the_navigation_are_filled_in(tmp_path: Path) -> None:
    (tmp_path / "adr").mkdir()
    for name, title in (("0002-b.md", "2. Two"), ("0001-a.md", "1. `One`"), ("README.md", "Decisions")):
        (tmp_path / "adr" / name).write_text(f"# {title}\n")
    config = {"docs_dir": str(tmp_path), "nav": ["index.md", {"Project": [{"Decisions": "adr/*"}]}]}
    assert site_hooks.on_config(config)["nav"] == [
        "index.md",
        {
            "Project": [
                {
                    "Decisions": [
                        {"Decisions": "adr/README.md"},
                        {"1. One": "adr/0001-a.md"},
                        {"2. Two": "adr/0002-b.md"},
                    ]
                }
            ]
        },
    ]


def test_only_pages_with_diagrams_load_what_draws_them() -> None:
    assert site_hooks.on_page_content("<p>", page=page("a.md")) == "<p>"
    drawn = site_hooks.on_page_content('<pre class="mermaid">', page=page("adr/a.md"))
    assert drawn.endswith('<script src="../assets/mermaid/mermaid.tiny.js"></script>')
    assert (ROOT / "docs" / site_hooks.DIAGRAMS).is_file()


def test_every_decision_is_in_the_list_of_decisions() -> None:
    listed = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    for record in sorted((ROOT / "docs" / "adr").glob("0*.md")):
        title = record.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ").partition(". ")[2]
        assert f"]({record.name}) | {title} |" in listed
