"""Detection over a WebSocket against `POST /detect`, and what a camera gets that sends more than is looked at.

    python benchmarks/live.py MODELS_DIR
    python benchmarks/live.py MODELS_DIR --rounds 3 --seconds 5 --camera-fps 100

The real service on real faces. In turns, so that the machine is the same to both, one client asks for picture after
picture by HTTP on one connection, and over one socket; each waits for the answer before it sends the next. Then a
camera sends its frames on the clock, whether or not they are answered: how many are, and how old a frame is by then.
"""

import argparse
import asyncio
import json
import time
from pathlib import Path

import load
import service
from websockets.asyncio.client import connect

PICTURES = 20


async def over_socket(port: int, pictures: list[bytes], *, seconds: float) -> load.Outcome:
    """Frame after frame, each after the answer to the last."""
    outcome = load.Outcome()
    async with connect(f"ws://127.0.0.1:{port}/ws/detect", additional_headers={"X-API-Key": load.KEY}) as socket:
        await socket.recv()
        started = sent = time.perf_counter()
        while sent - started < seconds:
            await socket.send(pictures[len(outcome.latencies_ms) % len(pictures)])
            assert json.loads(await socket.recv())["type"] == "detections"
            outcome.latencies_ms.append(1e3 * (time.perf_counter() - sent))
            sent = time.perf_counter()
        outcome.elapsed_s = sent - started
    return outcome


async def camera(port: int, pictures: list[bytes], *, fps: float, seconds: float) -> tuple[load.Outcome, int, int]:
    """Frames on the clock: answers, with the age of their frames, frames sent and frames dropped."""
    outcome, sent_at, dropped = load.Outcome(), [0.0], 0
    async with connect(f"ws://127.0.0.1:{port}/ws/detect", additional_headers={"X-API-Key": load.KEY}) as socket:
        await socket.recv()
        started = time.perf_counter()

        async def send() -> None:
            while time.perf_counter() - started < seconds:
                sent_at.append(time.perf_counter())
                await socket.send(pictures[len(sent_at) % len(pictures)])
                await asyncio.sleep(max(0.0, started + len(sent_at) / fps - time.perf_counter()))
            await socket.close()

        sending = asyncio.create_task(send())
        async for message in socket:
            answer = json.loads(message)
            assert answer["type"] == "detections"
            outcome.latencies_ms.append(1e3 * (time.perf_counter() - sent_at[answer["id"]]))
            dropped += answer["dropped"]
        await sending
        outcome.elapsed_s = time.perf_counter() - started
    return outcome, len(sent_at) - 1, dropped


async def compare(port: int, options: argparse.Namespace) -> None:
    """All of it, printed."""
    pictures = [load.portrait(person, 1) for person in range(1, PICTURES + 1)]
    requests = [load.post_form("/api/v1/detect", {}, picture) for picture in pictures]
    best: dict[str, load.Outcome] = {}
    for _ in range(options.rounds):
        for name, running in (
            ("POST /detect", load.run(port, requests, connections=1, seconds=options.seconds)),
            ("WS /ws/detect", over_socket(port, pictures, seconds=options.seconds)),
        ):
            outcome = await running
            if name not in best or outcome.per_second() > best[name].per_second():
                best[name] = outcome
    for name, outcome in best.items():
        figures = f"{outcome.per_second():6.1f} a second   p50 {outcome.quantile_ms(0.5):5.1f} ms"
        print(f"{name:14} {figures}   p95 {outcome.quantile_ms(0.95):5.1f} ms")
    print(f"socket / HTTP  {best['WS /ws/detect'].per_second() / best['POST /detect'].per_second():.2f}")
    outcome, sent, dropped = await camera(port, pictures, fps=options.camera_fps, seconds=2 * options.seconds)
    print(
        f"camera         {sent / outcome.elapsed_s:6.1f} frames a second, {outcome.per_second():.1f} answered, "
        f"{dropped} of {sent} dropped; age of an answered frame p50 {outcome.quantile_ms(0.5):.1f} ms, "
        f"p95 {outcome.quantile_ms(0.95):.1f} ms"
    )


def main() -> None:
    """Parse, start the service, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models_dir", type=Path, help="prepared models")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best counts")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each")
    parser.add_argument("--camera-fps", type=float, default=100.0)
    options = parser.parse_args()
    settings = {"LIVE_MAX_FRAMES_PER_S": "1000", "RATE_LIMIT_SEARCH": "0"}
    with service.running(options.models_dir, settings) as running:
        asyncio.run(compare(running.port, options))


if __name__ == "__main__":
    main()
