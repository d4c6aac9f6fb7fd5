"""Prints what a model sees in the drawn face that is checked at every start, for the `golden` of its manifest.

    python benchmarks/record_golden.py MODELS_DIR NAME

Only for whoever changes a model, the alignment or the drawing: a record made on a broken machine proves nothing.
"""

import argparse
from pathlib import Path

import numpy as np

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.golden import geometry, observe_embedding, observe_face
from facepass.adapters.onnx.recognition.recogniser import Recogniser
from facepass.adapters.onnx.registry.manifest import DetectorManifest
from facepass.adapters.onnx.registry.registry import Registry


def main() -> None:
    """Print the record as TOML."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models_dir", type=Path)
    parser.add_argument("name")
    arguments = parser.parse_args()
    registry = Registry(arguments.models_dir)
    manifest = registry.get(arguments.name)
    model = registry.require(manifest)
    if isinstance(manifest, DetectorManifest):
        face = observe_face(Detector.load(manifest, model))
        print(f"confidence = {face.confidence:.5f}\ngeometry = {np.round(geometry(face), 3).tolist()}")
    else:
        embedding = observe_embedding(Recogniser(manifest, model))
        print(f"golden = {[round(float(value), 5) for value in embedding]}")


if __name__ == "__main__":
    main()
