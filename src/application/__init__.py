"""Use cases: one module a verb. Each reads as the story of one request."""
