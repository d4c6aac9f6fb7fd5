"""PostgreSQL with pgvector as the vector repository: sessions searched by size, one transaction a unit of work."""
