"""Fuzz the decoder of untrusted pictures: `make fuzz-decode`.

Runs libFuzzer (by atheris) over `decode_image`, guided by the coverage of Pillow's Python modules and of our own. A
finding is any exception but the two refusals, a crash, more than 20 seconds for one input, or too much memory. Its
input is kept in `out/fuzz`; `python -m tests.fuzz.target FILE` runs it again.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FINDINGS = ROOT / "out" / "fuzz"
TIMEOUT_S = 20
PROGRESS = re.compile(r"#(\d+)\s.*\bcov: (\d+) ft: (\d+) corp: (\d+)/.*\brss: (\d+)Mb")
FINAL = re.compile(r"stat::(number_of_executed_units|peak_rss_mb):\s+(\d+)")


@dataclass
class Figures:
    """What libFuzzer has said so far."""

    executions: int = 0
    edges: int = 0
    features: int = 0
    inputs: int = 0
    peak_rss_mb: int = 0

    def take(self, line: str) -> None:
        if match := PROGRESS.search(line):
            executions, self.edges, self.features, self.inputs, rss_mb = map(int, match.groups())
            self.executions = max(self.executions, executions)
            self.peak_rss_mb = max(self.peak_rss_mb, rss_mb)
        elif match := FINAL.search(line):
            if match[1] == "peak_rss_mb":
                self.peak_rss_mb = max(self.peak_rss_mb, int(match[2]))
            else:
                self.executions = int(match[2])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1800, help="how long to search")
    parser.add_argument("--max-rss-mb", type=int, default=600, help="resident memory that counts as a finding")
    wanted = parser.parse_args()
    FINDINGS.mkdir(parents=True, exist_ok=True)
    before = set(FINDINGS.iterdir())
    with tempfile.TemporaryDirectory() as corpus:
        # Each in a process of its own: what building the seeds takes must not count as the decoder's memory.
        build = [sys.executable, "-m", "tests.fuzz.seeds", corpus]
        subprocess.run(build, cwd=ROOT, check=True)  # noqa: S603 - our own module
        command = [
            *(sys.executable, "-m", "tests.fuzz.target", corpus, f"-max_total_time={wanted.seconds}"),
            *(f"-rss_limit_mb={wanted.max_rss_mb}", f"-timeout={TIMEOUT_S}", f"-artifact_prefix={FINDINGS}/"),
            *("-print_final_stats=1", "-reload=0", "-use_value_profile=1"),
        ]
        figures = Figures()
        with subprocess.Popen(  # noqa: S603 - our own module
            command, cwd=ROOT, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as target:
            for line in target.stderr or ():
                sys.stderr.write(line)
                figures.take(line)
    findings = sorted(set(FINDINGS.iterdir()) - before)
    sys.stdout.write(f"{figures}\nexit status of the target: {target.returncode}, findings: {len(findings)}\n")
    for path in findings:
        sys.stdout.write(f"finding: {path.relative_to(ROOT)}\n")
    return 1 if findings or target.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
