"""Workers, API and PostgreSQL are killed while a job runs, and nothing of it may be lost, doubled or half."""
