"""Where the outside comes in: HTTP, the command line, settings and the wiring."""
