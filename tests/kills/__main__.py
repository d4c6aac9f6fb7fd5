"""Kill workers, API and PostgreSQL (kill -9) while a job runs, and compare with a run left alone.

    python -m tests.kills --photos 1000 --kills 30

Every process is started again when it is found dead, as systemd would; nothing else is done. Ends with 1 where a photo
is missing or doubled, where a face differs, or where the job does not come to its end.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.kills.run import Outcome, run


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--different", type=int, default=60, help="different pictures among the photos")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--models-dir", type=Path, default=Path(".facepass/models"))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="facepass-photos-") as folder:
        outcome = asyncio.run(
            run(
                Path(folder),
                chosen.models_dir,
                photos=chosen.photos,
                kills=chosen.kills,
                different=chosen.different,
                seed=chosen.seed,
            )
        )
    print(told(outcome))  # noqa: T201 - a command
    if not is_whole(outcome):
        sys.exit(1)


def is_whole(outcome: Outcome) -> bool:
    """Whether nothing is lost, doubled or different."""
    return not outcome.differences and outcome.stored == outcome.job["done"] == outcome.photos


def told(outcome: Outcome) -> str:
    """The outcome in words."""
    done, failed = outcome.job["done"], outcome.job["failed"]
    lines = [
        f"kills: {sum(outcome.kills.values())} ({', '.join(f'{who} {n}' for who, n in sorted(outcome.kills.items()))})",
        f"photos: {outcome.photos} asked for, {outcome.stored} stored; job: {done} done, {failed} failed",
        f"faces: {outcome.faces}; differences from the calm run: {len(outcome.differences)}",
        f"took: calm {outcome.calm_s:.0f} s, killed {outcome.killed_s:.0f} s",
        "nothing lost, doubled or different" if is_whole(outcome) else "NOT WHOLE",
        *outcome.differences[:20],
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
