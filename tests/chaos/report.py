"""What callers saw, beside what they should have: rows of a Markdown table, and every deviation in a sentence."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.policy import OK, RECOVERY_S, UNAVAILABLE, USUAL_SHARE, Expected
from tests.chaos.traffic import EVERY_S, NO_ANSWER, Seen

HEAD = (
    "| dependency | fault | call | answers | p95 s | longest s | recovery s | as written |\n"
    "|---|---|---|---|---|---|---|---|"
)
EDGE_S = 1.0
"""Calls that begin so late in a fault may see its end, and are not judged by what they saw."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One fault of one dependency.

    Attributes:
        began_s: and `ended_s`: of the fault.
        seen: all calls that began from then on, until the next fault.
    """

    dependency: str
    fault: str
    began_s: float
    ended_s: float
    seen: Sequence[Seen]

    def during(self, operation: str) -> list[Seen]:
        """Calls of a kind that began in the fault."""
        last_s = self.ended_s - EDGE_S
        return [one for one in self.seen if one.operation == operation and self.began_s <= one.begun_s < last_s]

    def recovery_s(self, operation: str) -> float:
        """Seconds from the dependency's return until a call of a kind succeeded, with none failing that began later."""
        after = sorted(
            (one for one in self.seen if one.operation == operation and one.begun_s >= self.ended_s),
            key=lambda one: one.begun_s,
        )
        failed = [place for place, one in enumerate(after) if not _well(one)]
        rest = after[failed[-1] + 1 if failed else 0 :]
        return min((one.ended_s for one in rest), default=float("inf")) - self.ended_s


def _well(one: Seen) -> bool:
    return one.status == OK and (one.operation != "health" or json.loads(one.body)["status"] == "healthy")


def quantile(seen: Sequence[Seen], share: float) -> float:
    """Of the latencies, the smallest that so many do not exceed."""
    took = sorted(one.took_s for one in seen)
    return took[min(len(took) - 1, round(share * len(took)))]


def rows(episode: Episode, policy: dict[str, Expected]) -> tuple[list[str], list[str]]:
    """One row for each kind of call, and what deviates from the policy."""
    lines, deviations = [], []
    for operation in EVERY_S:
        seen = episode.during(operation)
        wrong = _deviations(episode, operation, seen, policy[operation])
        answers = ", ".join(f"{_words(status)} × {count}" for status, count in sorted(_statuses(seen).items()))
        lines.append(
            f"| {episode.dependency} | {episode.fault} | {operation} | {answers} | {quantile(seen, 0.95):.2f} "
            f"| {quantile(seen, 1.0):.2f} | {episode.recovery_s(operation):.1f} | {'no' if wrong else 'yes'} |"
        )
        deviations += [f"{episode.dependency} {episode.fault}, {operation}: {one}" for one in wrong]
    return lines, deviations


def _deviations(episode: Episode, operation: str, seen: list[Seen], expected: Expected) -> list[str]:
    found = []
    if strange := sorted(_statuses(seen).keys() - expected.statuses):
        found.append(f"answers {', '.join(map(_words, strange))}")
    if any(one.status == UNAVAILABLE and not one.retry_after_s for one in seen):
        found.append("503 without Retry-After")
    if (longest_s := quantile(seen, 1.0)) > expected.longest_s:
        found.append(f"one waits {longest_s:.1f} s, longer than {expected.longest_s:g} s")
    if (usual_s := quantile(seen, USUAL_SHARE)) > expected.usual_s:
        found.append(f"many wait {usual_s:.1f} s, longer than {expected.usual_s:g} s")
    if expected.health:
        # the first look may come before anything is amiss for it
        said = {json.loads(one.body)["status"] for one in seen[1:] if one.body}
        if said != {expected.health}:
            found.append(f"health says {', '.join(sorted(said))}")
    if (recovery_s := episode.recovery_s(operation)) > RECOVERY_S:
        found.append(f"recovers after {recovery_s:.1f} s")
    return found


def _statuses(seen: Sequence[Seen]) -> Counter[int]:
    return Counter(one.status for one in seen)


def _words(status: int) -> str:
    return "no answer" if status == NO_ANSWER else str(status)
