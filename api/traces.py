"""Traces for OpenTelemetry: one span for each request and each handshake, and none for a frame.

A room's traffic is in the metrics: a span for each of a thousand frames would tell nobody more, and
cost more than to deliver it. Where spans go, how many are kept and what the service is called, the
variables of OpenTelemetry say: https://opentelemetry.io/docs/specs/otel/configuration/
"""

import threading
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from opentelemetry.trace import Span

# Seconds for the collector to take what is left when the server ends.
FLUSH_TIMEOUT = 3.0
# A method that is none of these is anybody's text, and makes a name of a span that nobody expects.
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class TracesError(Exception):
    """Traces are asked for, and cannot be sent."""


class Traces:
    """Makes spans, and sends them from a thread of its own until it is closed.

    The queue is bounded (`OTEL_BSP_MAX_QUEUE_SIZE`): a collector that hangs costs the spans that
    do not fit in, and nobody waits for it.

    Raises:
        TracesError: what to install.
    """

    def __init__(self) -> None:
        try:
            self._api = import_module("opentelemetry.trace")
            context = import_module("opentelemetry.trace.propagation.tracecontext")
            resources = import_module("opentelemetry.sdk.resources")
            sdk = import_module("opentelemetry.sdk.trace")
            export = import_module("opentelemetry.sdk.trace.export")
            otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        except ImportError as error:
            raise TracesError(
                "ITEMROOM_TRACES needs OpenTelemetry: install `itemroom[traces]`."
            ) from error
        own = resources.Resource({"service.name": "itemroom", "service.version": __version__})
        # What its variables say goes before what we say.
        said = resources.OTELResourceDetector().detect()
        self._sender = export.BatchSpanProcessor(otlp.OTLPSpanExporter())
        # One of our own, not the process's: an application that we are mounted in may have that.
        provider = sdk.TracerProvider(resource=own.merge(said), shutdown_on_exit=False)
        provider.add_span_processor(self._sender)
        self._tracer: Any = provider.get_tracer("itemroom", __version__)
        self._context = context.TraceContextTextMapPropagator()

    def begin(
        self, method: str, path: str, *, scheme: str, headers: Mapping[str, str]
    ) -> "Exchange":
        """Somebody asks for something, perhaps as a part of a trace (W3C Trace Context).

        Args:
            method: of the request, whatever it is.
            path: without its query, and without anything secret.
            scheme: that the client used.
            headers: of them `traceparent` and `tracestate` are read.
        """
        known = method if method in _METHODS else "_OTHER"
        # By the semantic conventions of HTTP servers; not the query, which may hold a token.
        attributes = {"http.request.method": known, "url.path": path, "url.scheme": scheme}
        span = self._tracer.start_span(
            known,
            context=self._context.extract(headers),
            kind=self._api.SpanKind.SERVER,
            attributes=attributes,
        )
        return Exchange(span, known, failed=self._api.StatusCode.ERROR)

    def close(self) -> None:
        """Send what is left, and end the thread. Blocks, for a bounded time."""
        # It would wait for half a minute for a collector that hangs.
        sending = threading.Thread(target=self._sender.shutdown, daemon=True)
        sending.start()
        sending.join(FLUSH_TIMEOUT)


class Exchange:
    """The span of one request or handshake, until its end."""

    __slots__ = ("_failed", "_method", "_span")

    def __init__(self, span: "Span", method: str, *, failed: Any) -> None:
        self._span: Span | None = span
        self._method = method
        self._failed = failed

    def end(self, *, status: int, route: str | None, refusal: str = "") -> None:
        """What came of it; only the first end counts.

        Args:
            status: of the answer; 0: there was none.
            route: the template of the path.
            refusal: with which a socket was closed as soon as it was open.
        """
        span, self._span = self._span, None
        if span is None:
            return
        if route is not None:
            span.update_name(f"{self._method} {route}")
            span.set_attribute("http.route", route)
        if refusal:
            span.set_attribute("itemroom.refusal", refusal)
        if status:
            span.set_attribute("http.response.status_code", status)
        if not 0 < status < 500:
            span.set_attribute("error.type", str(status) if status else "unanswered")
            span.set_status(self._failed)
        span.end()
