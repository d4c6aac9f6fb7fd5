"""How many files and connections this process may have open at once."""

import importlib
import importlib.util


def allow_open_files(most: int) -> None:
    """Raise the limit to `most`, or as far as an operator allows it; it is never lowered.

    Shells and service managers commonly leave it at 1024: then it is connections that run out first, and with them the
    database's and the files that uploads wait in. Where there is no POSIX there is no such limit.
    """
    if importlib.util.find_spec("resource") is None:
        return
    resource = importlib.import_module("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
