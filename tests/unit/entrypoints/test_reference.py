"""The reference of settings is made of the settings, complete, and committed as made."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from facepass.entrypoints import reference
from facepass.entrypoints.environment import ALIASES, known_names, secret_names, slices
from facepass.entrypoints.settings import Positive, Recognition, Seconds, Secret, meaning

COMMITTED = Path(__file__).parents[3] / "docs" / "configuration.md"


def test_the_committed_file_is_what_the_settings_give() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == reference.page(), "run `make docs`"


def test_every_setting_is_described_once_under_all_its_names() -> None:
    described = [entry for _, struct in slices() for entry in reference.entries(struct)]
    assert [entry.name for entry in described] == list(known_names())
    assert {alias for entry in described for alias in entry.also} == {
        *ALIASES,
        *(f"{name}_FILE" for name in secret_names()),
        *(f"{alias}_FILE" for alias, name in ALIASES.items() if name in secret_names()),
    }
    for entry in described:
        assert entry.meaning.endswith(".")
        assert "|" not in f"{entry.values}{entry.default}{entry.meaning}"


def test_no_default_depends_on_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    before = reference.page()
    monkeypatch.setattr(os, "cpu_count", lambda: 1234)
    assert Recognition().ml_threads == 1234
    assert reference.page() == before


class Sample(msgspec.Struct):
    both: Annotated[Positive, meaning("Bounded.")] = 3
    wait_s: Annotated[Seconds | None, meaning("Above.", unset="for ever")] = None
    big_bytes: Annotated[int, meaning("Large.")] = 3 << 20
    odd_bytes: Annotated[int, meaning("Odd.")] = 1000
    on: Annotated[bool, meaning("Switch.")] = False


def test_ranges_and_defaults_in_words() -> None:
    shown = [(entry.name, entry.values, entry.default) for entry in reference.entries(Sample)]
    assert shown == [
        ("BOTH", "integer, at least 1", "`3`"),
        ("WAIT_S", "number, above 0", "for ever"),
        ("BIG_BYTES", "integer", "`3145728` (3 MiB)"),
        ("ODD_BYTES", "integer", "`1000`"),
        ("ON", "`true` or `false`", "`false`"),
    ]


class Silent(msgspec.Struct):
    port: Positive = 1


class Vague(msgspec.Struct):
    key: Annotated[Secret, meaning("A key.")] = Secret("hunter2")


@pytest.mark.parametrize(("struct", "remedy"), [(Silent, "meaning"), (Vague, "unset")])
def test_a_setting_that_does_not_explain_itself_is_an_error(struct: type[msgspec.Struct], remedy: str) -> None:
    with pytest.raises(ValueError, match=remedy) as refused:
        list(reference.entries(struct))
    assert "hunter2" not in str(refused.value)
