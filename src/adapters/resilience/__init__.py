"""Between the service and a dependency that is away: each module wraps a port and asks a circuit breaker."""
