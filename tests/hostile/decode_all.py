"""A process of its own: decodes every file of a folder, and says how much memory that took at most.

Files whose names begin with `source` are decoded under the limits of source photos, others under those of uploads.
"""

import json
import resource
import sys
from collections import Counter
from pathlib import Path

from facepass.adapters.imaging.decode import decode_image
from facepass.domain.errors import PayloadTooLarge, UnsupportedImage
from tests.hostile.largest import SOURCES, UPLOADS


def peak_resident_bytes() -> int:
    """Of this process. Linux counts the parent's memory into `ru_maxrss` of a child, so it is asked elsewhere there."""
    status = Path("/proc/self/status")
    if status.exists():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(folder: Path) -> None:
    outcomes = Counter[str]()
    dearest = ""
    for path in sorted(folder.iterdir()):
        before = peak_resident_bytes()
        try:
            decode_image(path.read_bytes(), SOURCES if path.name.startswith("source") else UPLOADS)
            outcomes["Image"] += 1
        except (UnsupportedImage, PayloadTooLarge) as refusal:
            outcomes[type(refusal).__name__] += 1
        if peak_resident_bytes() > before:
            dearest = path.name
    sys.stdout.write(json.dumps({"outcomes": outcomes, "peak_bytes": peak_resident_bytes(), "dearest": dearest}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
