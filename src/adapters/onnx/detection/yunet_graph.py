"""Lets YuNet's graph, exported for 640 by 640 pixels, take pictures of any size.

A module of its own because it alone needs the `onnx` package, whose import takes longer than the work itself.
"""

from collections.abc import Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # ships no annotations

from facepass.domain.errors import ConfigurationError


def with_free_size(model: Path, outputs: Sequence[str]) -> bytes:
    """The graph with free height and width; its weights and nodes are untouched, so the file keeps its SHA-256.

    Args:
        model: the file.
        outputs: names that the graph must have.

    Raises:
        ConfigurationError: the file cannot be read as such a graph.
    """
    try:
        graph_file = onnx.load_model(model)
    except (OSError, DecodeError) as error:
        raise ConfigurationError(f"{model.name} cannot be read as an ONNX model: {error}") from error
    graph = graph_file.graph
    missing = sorted(set(outputs) - {output.name for output in graph.output})
    shape = [size for one in graph.input for size in one.type.tensor_type.shape.dim]
    if missing or len(graph.input) != 1 or len(shape) != len(("batch", "channel", "height", "width")):
        raise ConfigurationError(
            f"{model.name} is no YuNet of 2023: it needs one NCHW input and the outputs {', '.join(outputs)}."
        )
    shape[2].dim_param, shape[3].dim_param = "height", "width"
    for output in graph.output:
        output.type.tensor_type.shape.dim[1].dim_param = f"cells_of_{output.name}"
    # What the exporter noted of the sizes in between holds for the old size only.
    del graph.value_info[:]
    return bytes(graph_file.SerializeToString())
