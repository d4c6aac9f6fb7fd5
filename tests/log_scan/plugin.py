"""Looks through every line that the suite logs, and fails the session that logs what no log may hold.

Heard are: lines that our logging renders in this process, whatever stream they go to; records of libraries; what tests
write to standard error; and what processes of ours write there, in `processes`. Looked for is what `leaks` knows, and
each secret that a test hands to the service, in its settings or in the environment of a process.

A test that writes down such a thing on purpose says so, and why: `@pytest.mark.logs_on_purpose("…")`. Its lines are
left out, and the end of the session names it.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from facepass.entrypoints import logs
from facepass.entrypoints.settings import Secret
from tests.log_scan.leaks import Scanner
from tests.log_scan.processes import Listener

MARK = "logs_on_purpose"
MOST_SHOWN = 20
OUTSIDE = "(outside of any test)"
TOLD = "log-scan"
AS_OURS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    logs.scrub,
    structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
]
"""How lines are written where a test configures nothing: as by our console, whose tracebacks hold no local variables.
Structlog's own do, but no process of ours is left to it."""
PRINTING = (
    "msg",
    "debug",
    "info",
    "warn",
    "warning",
    "fatal",
    "failure",
    "err",
    "error",
    "critical",
    "exception",
    "log",
)
"""Names of one method of what structlog writes with where nobody has configured it."""


class LogScan(logging.Handler):
    """One session."""

    def __init__(self) -> None:
        super().__init__()
        self._scanner = Scanner()
        self._listener = Listener(self.hear, self._scanner.learn)
        self._test = OUTSIDE
        self._on_purpose: dict[str, str] = {}
        self._uninstall: Callable[[], None] = lambda: None
        self.leaks: list[tuple[str, str]] = []
        self.lines = 0

    def hear(self, text: str) -> None:
        """Look through what was written."""
        self.lines += text.count("\n") + 1
        if self._test not in self._on_purpose:
            self.leaks += [(self._test, str(leak)) for leak in self._scanner.scan(text)]

    def emit(self, record: logging.LogRecord) -> None:
        """A record of a library that nobody has configured logging for."""
        self.hear(self.format(record))

    def install(self) -> None:
        """Stand where lines are made."""
        structlog.configure(processors=AS_OURS)
        restore = [
            _heard(structlog.stdlib.ProcessorFormatter, "format", self.hear),
            *(_told(structlog.PrintLogger, name, self.hear) for name in PRINTING),
            self._learning(),
        ]
        logging.getLogger().addHandler(self)
        listening = self._listener.installed()
        listening.__enter__()

        def uninstall() -> None:
            listening.__exit__(None, None, None)
            logging.getLogger().removeHandler(self)
            for each in restore:
                each()

        self._uninstall = uninstall

    def _learning(self) -> Callable[[], None]:
        """Every secret of every settings is looked for; the class is watched, and does what it did."""
        plain, learn = Secret.__init__, self._scanner.learn

        def init(secret: Secret, value: str) -> None:
            plain(secret, value)
            learn(value)

        Secret.__init__ = init  # type: ignore[method-assign]
        return lambda: setattr(Secret, "__init__", plain)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Know whose lines these are."""
        self._test = item.nodeid
        mark = item.get_closest_marker(MARK)
        if mark is not None:
            (reason,) = mark.args
            self._on_purpose[item.nodeid] = reason
        try:
            return (yield)
        finally:
            self._test = OUTSIDE

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What the test and its fixtures have written to standard error: also what children did that inherited it."""
        if report.capstderr and not hasattr(report, "node"):  # of another process, which has heard it itself
            self._test, before = report.nodeid, self._test
            self.hear(report.capstderr)
            self._test = before

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail it where anything was found; one of several processes (pytest-xdist) tells the one that has them."""
        self._uninstall()
        told: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
        if told is not None:
            told[TOLD] = [self.leaks, self.lines, self._on_purpose]
        elif self.leaks and session.exitstatus in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Take over what one of several processes has found; one that crashed has told nothing, and fails by that."""
        if TOLD in getattr(node, "workeroutput", {}):
            leaks, lines, on_purpose = node.workeroutput[TOLD]
            self.leaks += [(test, leak) for test, leak in leaks]
            self.lines += lines
            self._on_purpose |= on_purpose

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was found, and where."""
        if self.leaks:
            terminalreporter.section("logs hold what they must not", red=True)
            for test, leak in self.leaks[:MOST_SHOWN]:
                terminalreporter.line(f"{test}: {leak}")
            terminalreporter.line(f"{len(self.leaks)} in {self.lines} lines")
        else:
            terminalreporter.line(f"logs: {self.lines} lines, none holds what it must not")
        for test, reason in self._on_purpose.items():
            terminalreporter.line(f"logs, not looked through: {test}: {reason}")


def _heard(owner: type, name: str, hear: Callable[[str], None]) -> Callable[[], None]:
    """Have what a method returns heard; how to undo it."""
    plain = getattr(owner, name)

    def method(*arguments: Any, **options: Any) -> Any:
        line = plain(*arguments, **options)
        if isinstance(line, str):
            hear(line)
        return line

    setattr(owner, name, method)
    return lambda: setattr(owner, name, plain)


def _told(owner: type, name: str, hear: Callable[[str], None]) -> Callable[[], None]:
    """Have what a method is told heard; how to undo it."""
    plain = getattr(owner, name)

    def method(self: Any, message: str) -> Any:
        hear(message)
        return plain(self, message)

    setattr(owner, name, method)
    return lambda: setattr(owner, name, plain)


def pytest_configure(config: pytest.Config) -> None:
    """Begin with the session."""
    config.addinivalue_line("markers", f"{MARK}(reason): writes down what no log may hold; not looked through")
    scan = LogScan()
    scan.install()
    config.pluginmanager.register(scan, "log-scan")
