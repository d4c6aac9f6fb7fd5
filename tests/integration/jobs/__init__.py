"""Jobs over a real PostgreSQL: in one process, in several, and when they are killed."""
