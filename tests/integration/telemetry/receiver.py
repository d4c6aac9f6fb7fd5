"""A collector for tests: takes what an OTLP exporter posts, and decodes it by the protocol's own definitions."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Received:
    """One span, as it came.

    Attributes:
        parent_id: hexadecimal as the other ids; empty for a root.
        attributes: plain values.
        resource: what the process says of itself.
        raw: all of it, as text.
    """

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    begun_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    is_error: bool
    raw: str


class Receiver:
    """Collects.

    Attributes:
        url: what a service is told as its collector.
        headers: of the last post.
        taking: cleared, it lets callers hang.
        hanging: set once one does.
    """

    def __init__(self) -> None:
        self.taking, self.hanging = threading.Event(), threading.Event()
        self.taking.set()
        self.headers: dict[str, str] = {}
        self._spans: list[Received] = []
        self._changed = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["Receiver"]:
        """Listen as long as the block lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.taking.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()

    @property
    def spans(self) -> list[Received]:
        """What has come until now."""
        with self._changed:
            return [*self._spans]

    def wait_for(self, enough: Callable[[list[Received]], bool]) -> list[Received]:
        """All that has come once there is enough of it."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self._spans), PATIENCE_S), self._spans
            return [*self._spans]

    def _take(self, body: bytes, headers: dict[str, str]) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.headers = headers
            for of_resource in request.resource_spans:
                resource = _plain(of_resource.resource.attributes)
                for of_scope in of_resource.scope_spans:
                    self._spans += [_received(span, resource) for span in of_scope.spans]
            self._changed.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if not receiver.taking.is_set():
                    receiver.hanging.set()
                    receiver.taking.wait()
                    self.close_connection = True
                    return
                if self.path != "/v1/traces" or self.headers["content-type"] != "application/x-protobuf":
                    self.send_error(404)
                    return
                receiver._take(body, {name.lower(): value for name, value in self.headers.items()})
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Nothing: the tests look at what came."""

        return Handler


def _received(span: Any, resource: dict[str, Any]) -> Received:
    return Received(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        _plain(span.attributes),
        resource,
        span.status.code == span.status.STATUS_CODE_ERROR,
        str(span),
    )


def _plain(attributes: "list[KeyValue] | Any") -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
