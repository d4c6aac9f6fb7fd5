"""Where the time of a request goes: each module wraps ports, and what passes through one becomes a span."""
