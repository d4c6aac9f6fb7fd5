"""The command line: reads arguments, calls a service (in this process or over HTTP), shows what it answered."""
