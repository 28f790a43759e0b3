"""A collector of traces: takes what OTLP over HTTP brings, and keeps it as plain data."""

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.deadlines import scaled

PATIENCE = scaled(10)


@dataclass
class Spans:
    """What has come so far."""

    url: str = ""
    raw: bytes = b""
    service: dict[str, str] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)
    """Set: whoever brings something waits for its end."""

    def wait(self, number: int) -> list[dict[str, Any]]:
        """At least so many."""
        deadline = time.monotonic() + PATIENCE
        while len(self.found) < number:
            assert time.monotonic() < deadline, self.found
            time.sleep(0.02)
        return self.found

    def take(self, body: bytes) -> None:
        self.raw += body
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            self.service |= {
                one.key: one.value.string_value for one in resource.resource.attributes
            }
            for scope in resource.scope_spans:
                self.found += map(described, scope.spans)


def described(span: Any) -> dict[str, Any]:
    values = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
    return values | {
        "name": span.name,
        "trace": span.trace_id.hex(),
        "parent": span.parent_span_id.hex(),
        "failed": span.status.code == 2,
        "seconds": (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
    }


@contextmanager
def collector() -> Iterator[Spans]:
    """Listens on a free port until the block ends."""
    spans = Spans()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if spans.hangs.is_set():
                over.wait(PATIENCE)
            packed = self.headers.get("Content-Encoding") == "gzip"
            spans.take(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        spans.url = f"http://127.0.0.1:{server.server_port}"
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield spans
        finally:
            over.set()
            server.shutdown()
            serving.join()
