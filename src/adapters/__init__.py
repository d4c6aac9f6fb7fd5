"""Ports made real: ONNX models, PostgreSQL, folders, and in-memory fakes that pass the same contracts."""
