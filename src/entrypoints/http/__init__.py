"""The HTTP interface: a thin shell that turns requests into use cases and their outcomes into answers."""
