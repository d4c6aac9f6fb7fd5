"""How the embedded server is configured: on its command line, so that no file can drift from it."""

SETTINGS: dict[str, str] = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    # memory: fits beside a model on a machine of 2 GB
    "shared_buffers": "128MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_wal_size": "512MB",
    "io_method": "sync",  # no three more processes for reads that are in the cache anyway
    # compiling a plan costs more than any of our queries
    "jit": "off",
    # an acknowledged photo survives a power cut
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # the log: what needs attention, never the values of a row, which may be a vector
    "log_min_messages": "warning",
    "log_error_verbosity": "terse",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def server_arguments(port: int) -> list[str]:
    """The settings as arguments of `postgres`."""
    return [part for name, value in {**SETTINGS, "port": str(port)}.items() for part in ("-c", f"{name}={value}")]
