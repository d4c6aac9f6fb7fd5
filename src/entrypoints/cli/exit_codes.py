"""The one place where exit codes are given and explained: scripts depend on them."""

from enum import IntEnum

from facepass.domain.errors import FacePassError


class ExitCode(IntEnum):
    """What a process that ends says about how it went."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    CONFIGURATION = 3
    UNAVAILABLE = 4
    UNEXPECTED = 70
    INTERRUPTED = 130


MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.REFUSED: "refused, or not all done: no face, unknown session, photos that failed, a failed check",
    ExitCode.USAGE: "the command was not understood, or a value is out of range",
    ExitCode.CONFIGURATION: "a setting, a model file or the machine does not allow it",
    ExitCode.UNAVAILABLE: "the database or the service is out of reach or overloaded: trying again may help",
    ExitCode.UNEXPECTED: "a defect of FacePass: run again with --debug and report it",
    ExitCode.INTERRUPTED: "interrupted by ctrl-C",
}

_OF_CODE = {
    "invalid_request": ExitCode.USAGE,
    "configuration": ExitCode.CONFIGURATION,
    "overloaded": ExitCode.UNAVAILABLE,
    "rate_limited": ExitCode.UNAVAILABLE,
    "dependency_unavailable": ExitCode.UNAVAILABLE,
    "internal": ExitCode.UNEXPECTED,
}


def exit_code_of(error: FacePassError) -> ExitCode:
    """The exit code an error ends the process with."""
    return _OF_CODE.get(error.code, ExitCode.REFUSED)


def explained() -> str:
    """All exit codes and their meanings, a line each, for `--help`."""
    return "\n".join(f"{code:>3}  {meaning}" for code, meaning in MEANINGS.items())
