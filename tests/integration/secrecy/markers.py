"""A recognisable value for every secret setting there is, and the search for them in what a run has left behind."""

import re
from collections.abc import Mapping
from pathlib import Path

from facepass.entrypoints.environment import secret_names

NUMBERS = re.compile(r"(?:-?\d+\.\d+(?:e-?\d+)?[\s,\[\]]+){12}")
"""More numbers in a row than landmarks have: a vector."""
PICTURE = "marked-picture-Wd4f8Kq2"
WRONG_KEY = "marked-wrong-key-Hs7Lp0Xz"
WRONG_TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJtYXJrZWQiOiJ3cm9uZyJ9.bWFya2VkLXdyb25n"  # noqa: S105 - to be looked for
SENT = (WRONG_KEY, WRONG_TOKEN)


def core(name: str) -> str:
    """What of a marker is looked for: the secret itself, without the address around it."""
    if name == "ENCRYPTION_KEY":
        return "a3f19c07d5e2b8461f7094ce2d5ab38860ce97f41b2d83a5fe6407c9d1528b3e"
    return f"Mk9{name.title().replace('_', '')}Zq4x7VtR8w2YbN6jHc5Ug"


def markers(url: str) -> dict[str, str]:
    """From setting to marker.

    Args:
        url: of a database, for which `core("DATABASE_URL")` is put as password.
    """
    values = {name: core(name) for name in secret_names()}
    for name in values:
        if name.endswith(("_URL", "_DSN")):
            address = url if name == "DATABASE_URL" else f"{name.removesuffix('_URL').lower()}://u:p@127.0.0.1:1/0"
            values[name] = re.sub(r"//(\w*):[^@]*@", rf"//\1:{core(name)}@", address)
        elif name.endswith("_HEADERS"):
            values[name] = f"authorization={core(name)}"
    return values


def in_files(values: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The same, each in a file: from `NAME_FILE` to its path."""
    folder.mkdir()
    for name, value in values.items():
        (folder / name.lower()).write_text(f"{value}\n", encoding="utf-8")
    return {f"{name}_FILE": str(folder / name.lower()) for name in values}


def found_in(text: str) -> set[str]:
    """Names of what must not stand in a text and does."""
    return {name for name in secret_names() if core(name) in text} | {sent for sent in SENT if sent in text}


def assert_clean(text: str) -> None:
    """No secret, no credential that was sent, no picture and no vector."""
    assert found_in(text) == set()
    assert PICTURE not in text
    assert not NUMBERS.search(text)
