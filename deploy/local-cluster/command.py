"""The command line of `up`: starts a cluster, says where it is, and ends all of it when it is told to."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from cluster import DATA_DIR, MODELS_DIR, Options, running
from parts import ClusterError

WATCH_S = 1.0
EPILOG = """
All parts run until ctrl-C or SIGTERM; then all of them are ended. A part that dies meanwhile is named and stays dead:
the rest goes on, as it would elsewhere. What is stored, and the secrets, stay in the data folder for the next time;
addresses, process ids and the API key stand in state.json there.

  deploy/local-cluster/up                                  three replicas, two workers, http://127.0.0.1:8000
  deploy/local-cluster/up --port 0 --workers 0             any free port, no workers
  deploy/local-cluster/up --set SEARCH_ACCESS=token --set RATE_LIMIT_SEARCH=100

Restart a replica in order:  kill -TERM PID  (the balancer notices, nobody sees a failure). docs/replicas.md tells more.
"""


def main() -> None:
    """Parse, start, wait, end."""
    asked = _arguments()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    options = Options(
        data_dir=asked.data_dir,
        models_dir=asked.models_dir,
        replicas=asked.replicas,
        workers=asked.workers,
        port=asked.port,
        settings=dict(asked.set),
    )
    try:
        with running(options, _say) as cluster:
            _say(f"FacePass answers on {cluster.url} (key and addresses: {cluster.state_file}); ctrl-C ends all of it")
            dead: set[str] = set()
            while not stop.wait(WATCH_S):
                for name, part in cluster.parts.items():
                    if name not in dead and not part.is_running:
                        dead.add(name)
                        _say(f"{name} has ended; its log: {part.log}")
            _say("ending all parts")
    except ClusterError as error:
        sys.exit(str(error))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="up",
        description="A whole FacePass on this machine: PostgreSQL, Valkey, S3, replicas, workers, haproxy in front.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--replicas", type=int, default=3, help="processes of the API (default: 3)")
    parser.add_argument("--workers", type=int, default=2, help="processes that work on jobs (default: 2)")
    parser.add_argument("--port", type=int, default=8000, help="of the balancer; 0 for a free one (default: 8000)")
    parser.add_argument("--data-dir", type=Path, default=DATA_DIR, help="what is kept (default: .facepass/cluster)")
    parser.add_argument("--models-dir", type=Path, default=MODELS_DIR, help="models (default: .facepass/models)")
    parser.add_argument(
        "--set", type=_setting, action="append", default=[], metavar="NAME=VALUE", help="a setting of all replicas"
    )
    return parser.parse_args()


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _say(line: str) -> None:
    print(line, flush=True)
