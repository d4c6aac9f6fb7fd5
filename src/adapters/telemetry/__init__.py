"""What the service tells about itself in numbers: each module wraps a port and counts what goes through it."""
