"""Records what the models see in the drawn face that is checked at every start.

    python benchmarks/record_golden.py MODELS_DIR > src/adapters/onnx/golden.json

Only for whoever changes a model, the alignment or the drawing: a record made on a broken machine proves nothing.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from facepass.adapters.onnx.golden import geometry, observe_embedding, observe_face
from facepass.adapters.onnx.prepare import prepare_models
from facepass.adapters.onnx.recogniser import Recogniser
from facepass.adapters.onnx.retinaface import RetinaFace


def main() -> None:
    """Print the record as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models_dir", type=Path)
    models = prepare_models(
        parser.parse_args().models_dir, source=None, progress=lambda line: print(line, file=sys.stderr)
    )
    face = observe_face(RetinaFace(models.detector))
    recorded = np.round(geometry(face), 3)
    embeddings = {
        file.stem: [round(float(value), 5) for value in observe_embedding(Recogniser(file), recorded)]
        for file in (models.recogniser_int8, models.recogniser_fp32)
    }
    detection = {
        "confidence": round(face.confidence, 5),
        "geometry": recorded.tolist(),
    }
    json.dump({"detection": detection, "embeddings": embeddings}, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
