"""Documents are taken apart as readers see them."""

from pathlib import Path

import pytest

from tests.docs.document import Document, github_slug, read, site_slug


def document(tmp_path: Path, text: str) -> Document:
    path = tmp_path / "page.md"
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_blocks_with_their_marks(tmp_path: Path) -> None:
    found = document(
        tmp_path,
        "# Page\n\n```bash\nls\n```\n\n<!-- not run: needs\na cluster -->\n```bash\nkubectl get pods\n```\n\n"
        "<!-- file: a.py -->\n<!-- ends with: 3 -->\n\n```python\nx = 1\n```\n\n"
        "- in a list:\n\n    ```json\n    {}\n    ```\n",
    ).blocks
    assert [(block.line, block.language, block.text) for block in found] == [
        (3, "bash", "ls\n"),
        (9, "bash", "kubectl get pods\n"),
        (16, "python", "x = 1\n"),
        (22, "json", "{}\n"),
    ]
    assert [block.not_run for block in found] == [None, "needs\na cluster", None, None]
    assert [(block.file, block.ends_with) for block in found] == [(None, 0), (None, 0), ("a.py", 3), (None, 0)]


def test_a_mark_is_of_the_block_that_follows_at_once(tmp_path: Path) -> None:
    (block,) = document(tmp_path, "<!-- not run: why -->\n\nText.\n\n```bash\nls\n```\n").blocks
    assert block.not_run is None


def test_indented_blocks_have_no_language(tmp_path: Path) -> None:
    (block,) = document(tmp_path, "Do:\n\n    rm -rf /\n").blocks
    assert block.language == ""


@pytest.mark.parametrize("mark", ["<!-- not run:  -->", "<!-- ends with: badly -->"])
def test_a_mark_that_says_nothing_is_refused(tmp_path: Path, mark: str) -> None:
    with pytest.raises(ValueError, match=r"page\.md:2"):
        document(tmp_path, f"{mark}\n```bash\nls\n```\n")


def test_links_and_code(tmp_path: Path) -> None:
    found = document(
        tmp_path, "[a](b.md#c) and\n![d](e.png), <https://f.example>\n\n| `g h` |\n|---|\n| [i][j] |\n\n[j]: k.md\n"
    )
    assert [(link.line, link.target) for link in found.links] == [
        (1, "b.md#c"),
        (2, "e.png"),
        (2, "https://f.example"),
        (6, "k.md"),
    ]
    assert [(code.line, code.target) for code in found.code] == [(4, "g h")]


def test_anchors_are_those_that_both_give(tmp_path: Path) -> None:
    found = document(tmp_path, '# What `x` costs\n\n## Twice\n\n## Twice\n\n## Größe\n\n<a id="own"></a>\n')
    assert found.anchors == {"what-x-costs", "twice", "own"}
    assert found.disputed == {"twice-1", "twice_1", "größe", "groe"}


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("Several selfies", "several-selfies"),
        ("POST /api/v1/index/{session_id}", "post-apiv1indexsession_id"),
        ("A. The schema is as before", "a-the-schema-is-as-before"),
        ("Int8", "int8"),
    ],
)
def test_plain_headings_have_one_id(heading: str, slug: str) -> None:
    assert github_slug(heading) == site_slug(heading) == slug
