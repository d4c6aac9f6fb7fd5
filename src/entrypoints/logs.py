"""Logging: one structured line an event on standard error, ours and the libraries' alike.

JSON for machines, coloured text on a terminal. The access log has its own switch and does not follow `LOG_LEVEL`. What
must never be written (pictures, vectors, secrets) is taken out here once more, whoever tried to log it; tracebacks hold
no local variables. Libraries' own lines of debugging, which quote what they send, are not written at any level.
"""

import functools
import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any, TextIO

import structlog

from facepass.entrypoints.redaction import Redaction
from facepass.entrypoints.settings import Logging

OUR_LOGGERS = "facepass"
ACCESS_LOGGER = f"{OUR_LOGGERS}.access"
TALKATIVE = ("uvicorn", "alembic", "PIL", "httpx", "httpcore", "botocore", "aiobotocore", "websockets", "urllib3")
LEVELS = {**dict.fromkeys(TALKATIVE, logging.WARNING), "opentelemetry": logging.CRITICAL}
"""Libraries that say more than an operator wants, or than a log may hold: keys of photos, signatures, every header.
What they warn of is kept."""
SECRET_WORDS = ("secret", "password", "api_key", "apikey", "authorization", "token", "x-api-key", "credential")
MAX_TEXT_CHARS = 16_384
"""Of one value in one line: a traceback, at the most."""
MAX_ITEMS = 16
"""Longer lists are counted instead of shown: a vector is a list of numbers."""

_Event = MutableMapping[str, Any]


def configure(settings: Logging, stream: TextIO | None = None, *, secrets: Iterable[str] = ()) -> None:
    """Set up logging for the whole process.

    Args:
        settings: level, format and the access log's switch.
        stream: where lines go; standard error unless given.
        secrets: never written, not even where an error quotes one.
    """
    target = stream or sys.stderr
    as_json = settings.log_format == "json" or (settings.log_format is None and not target.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        scrub,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:-1], structlog.stdlib.ExtraAdder(), scrub],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(as_json=as_json),
                _redactor(Redaction(secrets)),
            ],
        )
    )
    root = logging.getLogger()
    for previous in [*root.handlers]:
        root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(max(logging.INFO, logging.getLevelNamesMapping()[settings.log_level]))
    logging.getLogger(OUR_LOGGERS).setLevel(settings.log_level)
    logging.captureWarnings(True)
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(max(level, root.level))
    logging.getLogger(ACCESS_LOGGER).setLevel(logging.INFO if settings.access_log else logging.CRITICAL)


def _renderers(*, as_json: bool) -> list[structlog.typing.Processor]:
    if as_json:
        return [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=lambda value: f"<{type(value).__name__}>"),
        ]
    # Not structlog's default: that prints local variables, which hold pictures and vectors.
    return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]


def _redactor(redact: Redaction) -> Any:
    """The last step: what was rendered, without secrets."""

    def without_secrets(_logger: Any, _method: str, line: str) -> str:
        return redact(line)

    return without_secrets


def scrub(_logger: Any, _method: str, event: _Event) -> _Event:
    """Take out what no log may hold: values under secret names, raw bytes, arrays and long lists."""
    for key, value in event.items():
        if key in {"exc_info", "_record", "_from_structlog"}:
            continue
        event[key] = "***" if _is_secret(key) else _harmless(value)
    return event


@functools.lru_cache(maxsize=1024)
def _is_secret(key: str) -> bool:
    return any(word in key.lower() for word in SECRET_WORDS)


def _harmless(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= MAX_TEXT_CHARS else f"{value[:MAX_TEXT_CHARS]}… ({len(value)} characters)"
    if isinstance(value, dict):
        return {str(key): "***" if _is_secret(str(key)) else _harmless(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_harmless(item) for item in value] if len(value) <= MAX_ITEMS else f"<{len(value)} items>"
    return f"<{type(value).__name__}>"
