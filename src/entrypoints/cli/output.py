"""What is printed, and where: results on standard output, all else on standard error."""

import sys
from typing import TYPE_CHECKING, Any

import rich_click as click

from facepass.domain.errors import FacePassError

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def console(*, stderr: bool = False) -> "Console":
    """A console on the present standard output or standard error."""
    from rich.console import Console  # noqa: PLC0415 help and completion do without

    return Console(stderr=stderr, highlight=False, soft_wrap=True)


def note(text: str) -> None:
    """A line for the person watching, on standard error."""
    click.echo(text, err=True)


def show(answer: Any, view: "RenderableType", *, json: bool) -> None:
    """Print a result: `answer` as JSON for a program, `view` for a person."""
    if json:
        print_json(answer)
    else:
        console().print(view)


def print_json(answer: Any) -> None:
    """One JSON document on standard output, indented, UTF-8 whatever the locale."""
    import msgspec  # noqa: PLC0415 help and completion do without

    sys.stdout.flush()
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(answer, enc_hook=_plain), indent=2) + b"\n")
    sys.stdout.buffer.flush()


def _plain(value: Any) -> Any:
    """For msgspec: the ids of the domain are text to the outside."""
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(type(value))


def show_error(error: FacePassError, *, json: bool) -> None:
    """An expected error, on standard error: a sentence, or `{code, title, detail}` as JSON."""
    if json:
        _print_json_error(error.code, error.title, error.detail)
    else:
        click.echo(f"{error.title}: {error.detail}", err=True)


def show_unexpected(error: Exception, *, json: bool, traceback: bool) -> None:
    """A defect, on standard error. What libraries quote in their errors may hold a password: taken out."""
    from facepass.entrypoints.redaction import Redaction  # noqa: PLC0415 only defects need it

    redact = Redaction()
    if traceback:
        from traceback import format_exception  # noqa: PLC0415 as above

        click.echo(redact("".join(format_exception(error))), err=True, nl=False)
    cause: BaseException = error
    while isinstance(cause, BaseExceptionGroup):
        cause = cause.exceptions[0]
    detail = redact(f"{type(cause).__name__}: {cause}")
    if json:
        _print_json_error("internal", "Internal error", detail)
    else:
        hint = "" if traceback else " Run `facepass --debug …` again for the traceback."
        click.echo(f"Internal error: {detail}.{hint}", err=True)


def _print_json_error(code: str, title: str, detail: str) -> None:
    from json import dumps  # noqa: PLC0415 help and completion do without

    click.echo(dumps({"code": code, "title": title, "detail": detail}), err=True)
