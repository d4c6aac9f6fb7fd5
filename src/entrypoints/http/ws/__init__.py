"""Live detection over a WebSocket: frames in, faces out, and never more than one frame waits."""
