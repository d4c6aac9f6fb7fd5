#!/usr/bin/env python3
"""Write a software bill of materials (CycloneDX 1.6, JSON) of what an installation of FacePass consists of.

    python scripts/sbom.py --output dist/facepass.cdx.json

Packages come from an environment that holds `requirements/run.txt` and nothing else, so that licences and dependencies
are those of what is really installed; this takes a minute. The models that every installation prepares are added, with
their licences: no scanner of packages would find them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "src" / "adapters" / "onnx" / "registry" / "catalogue"
LOCK = ROOT / "requirements" / "run.txt"
SPECIFICATION = "1.6"


def packages(folder: Path) -> dict[str, Any]:
    """The bill of an environment with what the lock file pins.

    Args:
        folder: empty, for the environment.

    Raises:
        subprocess.CalledProcessError: it cannot be installed, or the bill is not valid.
    """
    environment = folder / "environment"
    _run(sys.executable, "-m", "venv", "--without-pip", environment)
    site = next(environment.glob("lib/python*/site-packages"))
    _run(
        *(sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-deps"),
        *("--require-hashes", "--target", site, "-r", LOCK),
    )
    bill = folder / "bill.json"
    _run(
        *(Path(sys.executable).with_name("cyclonedx-py"), "environment", "--pyproject", ROOT / "pyproject.toml"),
        *("--sv", SPECIFICATION, "--of", "JSON", "--output-reproducible", "-o", bill, environment),
    )
    document: dict[str, Any] = json.loads(bill.read_text(encoding="utf-8"))
    return document


def models() -> list[dict[str, Any]]:
    """A component for each model that comes out of a package and so is part of every installation."""
    manifests = [tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(CATALOGUE.glob("*.toml"))]
    return [_component(manifest) for manifest in manifests if "package" in manifest["source"]]


def _component(manifest: dict[str, Any]) -> dict[str, Any]:
    package, _, version = manifest["source"]["package"].partition("==")
    return {
        "type": "machine-learning-model",
        "bom-ref": f"model:{manifest['name']}",
        "name": manifest["name"],
        "version": version,
        "description": f"{manifest['title']}; made of the package {package} when the models are prepared.",
        "licenses": [{"license": {"id": manifest["licence"]["name"]}}],
        "externalReferences": [{"type": "website", "url": manifest["licence"]["url"]}],
    }


def _run(*command: str | Path) -> None:
    subprocess.run(list(map(str, command)), check=True)  # noqa: S603 - our own arguments, no shell


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--output", type=Path, default=Path("dist/facepass.cdx.json"))
    output: Path = parser.parse_args().output
    with tempfile.TemporaryDirectory(prefix="facepass-sbom-") as folder:
        bill = packages(Path(folder))
    bill["components"] = [*bill["components"], *models()]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    unlicensed = sorted(component["name"] for component in bill["components"] if not component.get("licenses"))
    sys.stdout.write(f"{output}: {len(bill['components'])} components\n")
    if unlicensed:
        sys.stdout.write(f"without a licence in their metadata: {', '.join(unlicensed)}\n")


if __name__ == "__main__":
    main()
