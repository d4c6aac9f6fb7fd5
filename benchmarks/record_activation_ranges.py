"""Records the activation ranges that the int8 recogniser is built with: once, by whoever changes the float model.

    python benchmarks/record_activation_ranges.py PICTURES MODELS_DIR \
        > src/adapters/onnx/embedded/activation_ranges.json

PICTURES is a folder with pictures of faces, searched with its subfolders; MODELS_DIR holds the prepared models. Of
each picture the largest face is used, and its mirror image.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

from facepass.adapters.onnx.detection.detector import Detector
from facepass.adapters.onnx.embedded.dlib_graph import INPUT
from facepass.adapters.onnx.embedded.quantise import activations
from facepass.adapters.onnx.recognition.alignment import align
from facepass.adapters.onnx.registry.registry import Registry
from facepass.adapters.onnx.runtime.session import Session

_BATCH = 10


def main() -> None:
    """Print the ranges as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("models_dir", type=Path)
    arguments = parser.parse_args()
    chips = _chips(arguments.pictures, Registry(arguments.models_dir))
    model = onnx.load(arguments.models_dir / "dlib-resnet29-fp32.onnx")
    names = [name for name in activations(model) if name != INPUT]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = Session(model.SerializeToString(), intra_op_threads=1, varying_shapes=False)
    lows, highs = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for start in range(0, len(chips), _BATCH):
        batch = chips[start : start + _BATCH].transpose(0, 3, 1, 2).astype(np.float32)
        values = session.run_named(np.concatenate([batch, batch[:, :, :, ::-1]]), names)
        lows = np.minimum(lows, [value.min() for value in values])
        highs = np.maximum(highs, [value.max() for value in values])
    # The input's range is known, and makes its 256 levels exact.
    ranges = {INPUT: [0.0, 255.0]} | {
        name: [round(float(low), 6), round(float(high), 6)] for name, low, high in zip(names, lows, highs, strict=True)
    }
    json.dump({"chips": len(chips), "ranges": ranges}, sys.stdout, indent=1)
    sys.stdout.write("\n")


def _chips(folder: Path, registry: Registry) -> np.ndarray:
    manifest = registry.detector("retinaface-mnet025")
    detector = Detector.load(manifest, registry.require(manifest))
    template = registry.recogniser("dlib-resnet29-fp32").template
    chips = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in {".jpg", ".jpeg", ".png", ".pgm"}:
            continue
        pixels = np.asarray(Image.open(path).convert("RGB"))
        faces = detector.detect(pixels)
        if faces:
            chips.append(align(pixels, faces[0].landmarks, template))
    return np.stack(chips)


if __name__ == "__main__":
    main()
