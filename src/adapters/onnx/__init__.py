"""Face detection and recognition by ONNX Runtime: the embedded default models and their preparation."""
