"""FacePass as its callers see it: one interface, answered in this process or by a running service."""
