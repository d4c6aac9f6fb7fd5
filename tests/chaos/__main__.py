"""Stops, slows and cuts each dependency under traffic, and compares what callers see with the written policy.

    python -m tests.chaos

Prints a Markdown table; ends with 1 where anything deviates from `tests/chaos/policy.py`, or a photo is lost.
"""

import argparse
import asyncio
import sys
from typing import TextIO

from tests.chaos.policy import POLICY, RECOVERY_S
from tests.chaos.proxy import Fault
from tests.chaos.report import HEAD, Episode, rows
from tests.chaos.stack import Stack, running_stack
from tests.chaos.traffic import Traffic, client_of

LASTS_S = {Fault.STOPPED: 10.0, Fault.SLOW: 20.0, Fault.CUT: 30.0}
CALM_S = 3.0
"""Before each fault: pools fill, breakers forget the one before."""
WATCHED_S = RECOVERY_S + 4.0
"""After each fault."""


async def _episode(stack: Stack, traffic: Traffic, dependency: str, fault: Fault) -> Episode:
    loop, proxy, before = asyncio.get_running_loop(), stack.proxies[dependency], len(traffic.seen)
    async with traffic.flowing():
        await asyncio.sleep(CALM_S)
        began_s = loop.time()
        await proxy.become(fault)
        await asyncio.sleep(LASTS_S[fault])
        ended_s = loop.time()
        await proxy.become(Fault.NONE)
        await asyncio.sleep(WATCHED_S)
    return Episode(dependency, fault, began_s, ended_s, traffic.seen[before:])


async def _run(chosen: list[str], faults: list[Fault]) -> int:
    deviations: list[str] = []
    async with running_stack() as stack, client_of(stack.url) as client:
        traffic = Traffic(client, stack.api_key, stack.pictures)
        await traffic.call("upload")  # there is a session from here on
        _say(HEAD)
        for dependency in chosen:
            for fault in faults:
                lines, wrong = rows(await _episode(stack, traffic, dependency, fault), POLICY[dependency, fault])
                _say(*lines)
                deviations += wrong
        lost = await traffic.lost()
        stored = sum(one.photo_id is not None and one.status == 200 for one in traffic.seen)
        _say(f"\n{stored} photos were acknowledged, {len(lost)} of them are lost.")
        if lost or deviations:
            _say(*deviations, *stack.warnings(), to=sys.stderr)
    return 1 if lost or deviations else 0


def _say(*lines: str, to: TextIO = sys.stdout) -> None:
    print(*lines, sep="\n", file=to, flush=True)


def main() -> int:
    """Run it; what the process ends with."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--only", choices=sorted({name for name, _ in POLICY}), help="one dependency")
    parser.add_argument("--fault", choices=[fault.value for fault in LASTS_S], help="one fault")
    arguments = parser.parse_args()
    names = [arguments.only] if arguments.only else list(dict.fromkeys(name for name, _ in POLICY))
    return asyncio.run(_run(names, [Fault(arguments.fault)] if arguments.fault else list(LASTS_S)))


if __name__ == "__main__":
    sys.exit(main())
