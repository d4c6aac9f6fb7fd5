"""ONNX Runtime, as this service uses it: sessions, threads, batches."""
