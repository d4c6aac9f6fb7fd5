"""The queue of jobs' units: PgQueuer, in the same PostgreSQL as everything else."""
