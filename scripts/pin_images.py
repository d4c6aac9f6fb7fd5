#!/usr/bin/env python3
"""Renews the digests that images are pinned by, in the Dockerfile and the compose files; or only looks.

    scripts/pin_images.py             # ask the registries, and write what has changed
    scripts/pin_images.py --check     # ask, and end with 1 where something has changed

A digest is of an index, and only of one that holds linux/amd64 and linux/arm64. `docker buildx imagetools inspect`
asks; no image is pulled. To go to another version, change the tag, leave the old digest, and run this.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FILES = ("Dockerfile", "docker-compose.yml", *(f"docker-compose.{kind}.yml" for kind in ("prod", "monitoring", "ha")))
PINNED = re.compile(r"(?P<image>[a-z0-9][\w./-]*:[\w][\w.-]*)@(?P<digest>sha256:[0-9a-f]{64})")
PLATFORMS = {("linux", "amd64"), ("linux", "arm64")}
TIMEOUT_S = 60

Ask = Callable[[str], bytes]


class UnusableImageError(Exception):
    """The registry has no index with both platforms; says which image."""


def raw_index(image: str) -> bytes:
    """What the registry answers, byte for byte.

    Raises:
        UnusableImageError: it does not.
    """
    command = ["docker", "buildx", "imagetools", "inspect", "--raw", image]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_S)  # noqa: S603 - our own words
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error).encode()
        raise UnusableImageError(f"{image}: {said.decode(errors='replace').strip()}") from error
    return done.stdout


def digest_of(image: str, ask: Ask = raw_index) -> str:
    """Of the index, as registries reckon it.

    Raises:
        UnusableImageError: there is none for both platforms.
    """
    answer = ask(image)
    manifests = json.loads(answer).get("manifests", [])
    there = {(each["platform"]["os"], each["platform"]["architecture"]) for each in manifests if "platform" in each}
    if not there >= PLATFORMS:
        raise UnusableImageError(f"{image}: no index with linux/amd64 and linux/arm64")
    return f"sha256:{hashlib.sha256(answer).hexdigest()}"


def renewed(text: str, ask: Ask = raw_index) -> tuple[str, list[str]]:
    """The text with digests of today, and a line for each that has changed."""
    changes: dict[str, str] = {}

    def renew(match: re.Match[str]) -> str:
        image, old = match["image"], match["digest"]
        new = digest_of(image, ask)
        if new != old:
            changes[image] = f"{image}: {old} -> {new}"
        return f"{image}@{new}"

    return PINNED.sub(renew, text), list(changes.values())


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing")
    only_look = parser.parse_args().check
    changed = False
    for name in FILES:
        path = ROOT / name
        try:
            text, lines = renewed(path.read_text(encoding="utf-8"))
        except UnusableImageError as error:
            sys.stderr.write(f"{error}\n")
            return 2
        for line in lines:
            sys.stdout.write(f"{name}: {line}\n")
        if lines and not only_look:
            path.write_text(text, encoding="utf-8")
        changed = changed or bool(lines)
    return int(changed and only_look)


if __name__ == "__main__":
    sys.exit(main())
