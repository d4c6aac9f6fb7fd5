"""PostgreSQL with pgvector as the vector repository: exact search inside a session, one transaction a unit of work."""
