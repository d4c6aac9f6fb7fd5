"""Writes `docs/configuration.md` from the settings themselves, so that it cannot tell of others than there are.

    python -m facepass.entrypoints.reference > docs/configuration.md

With the argument `metrics` it writes `docs/metrics.md` from the metrics: see `facepass.entrypoints.metrics_reference`.

Meaning and bounds are those that the fields of `facepass.entrypoints.settings` declare.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from facepass.entrypoints.environment import ALIASES, PREFIX, secret_names, slices
from facepass.entrypoints.settings import Secret

MEBIBYTE = 1 << 20
HEADER = f"""# Configuration

<!-- Made by `make docs` from src/entrypoints/settings: change it there. -->

Environment variables, read once at start. A file `.env` in the working directory may hold them too; the environment
wins over it. Each name also answers with the prefix `{PREFIX}`, which wins over the bare name; a variable with that
prefix that is no setting is refused. An empty value is no value. Below a name stand its aliases, which it wins over;
one that ends in `_FILE` names a file that holds the secret. `facepass doctor` prints what is in force and where it
comes from, secrets hidden."""
WORDS: dict[Any, str] = {
    bool: "`true` or `false`",
    int: "integer",
    float: "number",
    str: "text",
    Path: "path",
    Secret: "secret",
    tuple: "values, separated by commas",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One setting, in words.

    Attributes:
        name: of the environment variable, without prefix.
        also: further names, those of an earlier system and `_FILE` forms.
        values: what it takes, with its range.
        default: what holds without it; never what depends on the machine.
        meaning: what it does.
    """

    name: str
    also: tuple[str, ...]
    values: str
    default: str
    meaning: str


def entries(struct: type[msgspec.Struct]) -> Iterator[Entry]:
    """The settings of one slice, in the order in which they are declared.

    Raises:
        ValueError: a setting does not say what it does, or what holds without it.
    """
    hints = get_type_hints(struct, include_extras=True)
    for setting in msgspec.structs.fields(struct):
        annotation = hints[setting.name]
        metas = _metas(annotation)
        meaning = next((meta.description for meta in metas if meta.description), None)
        if meaning is None:
            raise ValueError(f"{setting.name}: declare its `meaning`")
        unset = next((meta.extra["unset"] for meta in metas if meta.extra), None)
        name = setting.name.upper()
        yield Entry(
            name, tuple(_further_names(name)), _values(annotation), unset or _default(name, setting.default), meaning
        )


def page() -> str:
    """The whole document, Markdown."""
    parts = [HEADER]
    for name, struct in slices():
        rows = [
            f"| {'<br>'.join(f'`{each}`' for each in (entry.name, *entry.also))} "
            f"| {entry.values} | {entry.default} | {entry.meaning} |"
            for entry in entries(struct)
        ]
        table = "\n".join(["| name | value | default | meaning |", "|---|---|---|---|", *rows])
        parts.append(f"## {name.replace('_', ' ').capitalize()}\n\n{(struct.__doc__ or '').strip()}\n\n{table}")
    return "\n\n".join(parts) + "\n"


def _further_names(name: str) -> Iterator[str]:
    earlier = [alias for alias, current in ALIASES.items() if current == name]
    yield from earlier
    if name in secret_names():
        yield from (f"{each}_FILE" for each in (name, *earlier))


def _metas(annotation: Any) -> tuple[msgspec.Meta, ...]:
    return tuple(annotation.__metadata__) if get_origin(annotation) is Annotated else ()


def _values(annotation: Any) -> str:
    """What an annotation admits, in words: None is not among it, for no value stands for it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        words, bounds = _values(arguments[0]), _bounds(_metas(annotation))
        return f"{words}, {bounds}" if bounds else words
    if origin in {Union, UnionType}:
        (only,) = (argument for argument in arguments if argument is not type(None))
        return _values(only)
    if origin is Literal:
        return ", ".join(f"`{argument}`" for argument in arguments)
    return WORDS[origin or annotation]


def _bounds(metas: tuple[msgspec.Meta, ...]) -> str:
    least = next((meta.ge for meta in metas if meta.ge is not None), None)
    most = next((meta.le for meta in metas if meta.le is not None), None)
    above = next((meta.gt for meta in metas if meta.gt is not None), None)
    if above is not None:
        return f"above {above}"
    if least is not None and most is not None:
        return f"{least} to {most}"
    return "" if least is None else f"at least {least}"


def _default(name: str, value: Any) -> str:
    if value is None or value is msgspec.NODEFAULT or isinstance(value, Secret | tuple):
        raise ValueError(f"{name}: the default does not say what holds; declare its `meaning` with `unset`")
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if name.endswith("_BYTES") and value % MEBIBYTE == 0:
        return f"`{value}` ({value // MEBIBYTE} MiB)"
    return f"`{value}`"


def main(arguments: Sequence[str]) -> int:
    """Write a document to standard output: `metrics`, or that of the settings without a word; exit status."""
    if list(arguments) == ["metrics"]:
        from facepass.entrypoints import metrics_reference  # noqa: PLC0415 the whole service, and only for this

        sys.stdout.write(metrics_reference.page())
    elif arguments:
        sys.stderr.write("usage: python -m facepass.entrypoints.reference [metrics]\n")
        return 2
    else:
        sys.stdout.write(page())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
