"""What several replicas share in Redis, or in whatever speaks like it."""
