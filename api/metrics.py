"""What a running server counts, for Prometheus. No label ever holds an id.

Every server has a registry of its own, so that two in one process do not add up.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Distribution:
    """How many values were at most as large as each bound. One thread adds, another may look.

    Prometheus' own takes a lock for each bound that it tries, five times as long, and every ack
    is counted.
    """

    def __init__(self, name: str, text: str, bounds: tuple[float, ...]) -> None:
        self._name = name
        self._text = text
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._since = time.time()

    def add(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus asks for."""
        names = map(floatToGoString, (*self._bounds, float("inf")))
        buckets = list(zip(names, accumulate(self._counts), strict=True))
        family = HistogramMetricFamily(self._name, self._text, buckets, self._sum)
        family.add_sample(f"{self._name}_created", {}, self._since)
        yield family


class Metrics:
    """Counters and histograms to add to, and gauges that ask when they are read.

    A gauge's owner says whom to ask: `metrics.rooms.set_function(lambda: len(self._rooms))`.
    Adding is safe from any thread, but to a distribution, which has one thread each; gauges are
    asked on the event loop.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Memory, processor time and file descriptors, from /proc when they are asked for.
        ProcessCollector(registry=self.registry)
        self.connections = self._gauge("connections", "Open sockets.")
        self.behind = self._gauge(
            "connections_behind", "Open sockets that have not been given all that is stored."
        )
        self.watchers = self._gauge(
            "inbox_watchers", "Sockets that are told of their user's items."
        )
        self.rooms = self._gauge("rooms", "Items with at least one open socket.")
        self._entries = self._counter("entries_stored", "Entries stored.")
        self._batch_size = self._distribution("batch_commands", "Commands in one commit.", _SIZES)
        self._batch_seconds = self._distribution("batch_seconds", "Time of one commit.", _SECONDS)
        self._ack_seconds = self._distribution(
            "ack_seconds", "From a command's arrival to its ack.", _SECONDS
        )
        self.servers = self._gauge("servers", "Living servers of this database, this one included.")
        self.servers.set(1)
        self.broker_up = self._gauge("broker_up", "Whether other nodes are told at once.")
        self.broker_lag = self._gauge(
            "broker_lag_seconds", "Until what this node tells comes back to it."
        )
        self._hints = self._counter(
            "hints", "What nodes tell each other: sent, heard, or dropped unsent.", "way"
        )
        self._repairs = self._counter(
            "repairs", "What the database said of other nodes, and was not told here.", "what"
        )
        self._conflicts = self._counter(
            "store_conflicts", "Commands that were to be stored once more, beside others.", "what"
        )
        # From the start, so that a rate is seen of the first of each.
        for way in ("sent", "heard", "dropped"):
            self._hints.labels(way)
        for what in ("entries", "rights", "epoch"):
            self._repairs.labels(what)
        for what in ("moved", "taken", "busy"):
            self._conflicts.labels(what)
        self.webhook_entries_due = self._gauge(
            "webhook_entries_due",
            "Entries that receivers of this server's webhooks have not taken.",
        )
        self.webhook_lag = self._gauge(
            "webhook_lag_seconds", "Since the oldest entry of these was stored."
        )
        self.webhooks_paused = self._gauge(
            "webhooks_paused", "Webhooks of the database that are paused, and nobody asked for it."
        )
        self._webhook_calls = self._counter(
            "webhook_calls", "Calls of receivers: delivered, refused, or unanswered.", "outcome"
        )
        self._webhook_seconds = self._distribution(
            "webhook_seconds", "Time of one call of a receiver.", _SECONDS
        )
        for outcome in ("delivered", "refused", "unanswered"):
            self._webhook_calls.labels(outcome)
        self._requests = self._counter(
            "http_requests", "HTTP requests answered.", "method", "route", "status"
        )
        self._refused = self._counter("sockets_refused", "Sockets refused or closed.", "code")
        self._asked = self._counter(
            "product_asked", "Questions that the product was asked.", "question", "outcome"
        )
        for question in ("authorize", "review"):
            for outcome in ("yes", "no", "failed"):
                self._asked.labels(question, outcome)
        self._asked_seconds = self._distribution(
            "product_seconds", "From a question to the product's answer.", _SECONDS
        )

    def batch(self, size: int, seconds: float, entries: int) -> None:
        """A commit: its commands, how long it took, and the entries that it stored."""
        self._batch_size.add(size)
        self._batch_seconds.add(seconds)
        self._entries.inc(entries)

    def acked(self, seconds: float) -> None:
        """A command was acknowledged, this long after it came."""
        self._ack_seconds.add(seconds)

    def hinted(self, way: str, hints: int) -> None:
        """So many hints were `sent`, `heard` or `dropped`."""
        self._hints.labels(way).inc(hints)

    def repaired(self, what: str) -> None:
        """The database had `entries`, `rights` or an `epoch` of which nobody had told."""
        self._repairs.labels(what).inc()

    def conflicted(self, what: str, commands: int) -> None:
        """So many commands are begun anew, since others were first.

        Their item or author has `moved`, an index has what may be once (`taken`), or a lock was
        waited for in vain (`busy`).
        """
        self._conflicts.labels(what).inc(commands)

    def called(self, outcome: str, seconds: float) -> None:
        """A webhook's receiver was called; see there for what may come of it."""
        self._webhook_calls.labels(outcome).inc()
        self._webhook_seconds.add(seconds)

    def refused(self, code: str) -> None:
        """A socket was refused, or closed by the server; `code` is a key of `errors.CODES`."""
        self._refused.labels(code).inc()

    def asked(self, question: str, outcome: str, seconds: float) -> None:
        """The product was asked to `authorize` or `review`: it said `yes`, `no`, or it `failed`."""
        self._asked.labels(question, outcome).inc()
        self._asked_seconds.add(seconds)

    def answered(self, method: str, route: str | None, status: int) -> None:
        """An HTTP request was answered; `route` is its template, None: no route knows it."""
        known = method if method in _METHODS else "other"
        self._requests.labels(known, route or "none", str(status)).inc()

    def render(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"itemroom_{name}", text, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"itemroom_{name}", text, labels, registry=self.registry)

    def _distribution(self, name: str, text: str, bounds: tuple[float, ...]) -> Distribution:
        distribution = Distribution(f"itemroom_{name}", text, bounds)
        self.registry.register(distribution)
        return distribution
