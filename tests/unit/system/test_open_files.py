"""The limit of open files is raised where it is low, and never lowered."""

import resource

import pytest

from facepass.adapters.system.open_files import allow_open_files


class Limits:
    """A process's limit, which an operator has bounded."""

    def __init__(self, soft: int, hard: int) -> None:
        self.now = (soft, hard)

    def get(self, _: int) -> tuple[int, int]:
        return self.now

    def set(self, _: int, limits: tuple[int, int]) -> None:
        self.now = limits


@pytest.mark.parametrize(
    ("soft", "hard", "then"),
    [
        (1024, 1_000_000, 5120),
        (1024, 4096, 4096),
        (1024, resource.RLIM_INFINITY, 5120),
        (8192, 1_000_000, 8192),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, resource.RLIM_INFINITY),
        (1024, 1024, 1024),
    ],
)
def test_it_is_raised_as_far_as_it_may_be(soft: int, hard: int, then: int, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limits.get)
    monkeypatch.setattr(resource, "setrlimit", limits.set)
    allow_open_files(5120)
    assert limits.now == (then, hard)
