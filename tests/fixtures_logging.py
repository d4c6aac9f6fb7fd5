"""Logging belongs to the process: whoever sets it up leaves it as it was."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from facepass.entrypoints import logs


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, rendering = [*root.handlers], root.level, structlog.get_config()
    yield
    root.handlers, root.level = handlers, level
    logging.getLogger(logs.OUR_LOGGERS).setLevel(logging.NOTSET)
    logging.captureWarnings(False)
    structlog.configure(**rendering)
