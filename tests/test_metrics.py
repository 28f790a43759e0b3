"""The metrics' text, and what never stands in it."""

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from api.metrics import Distribution, Metrics


def test_everything_counted_is_rendered() -> None:
    """Each method moves its own series."""
    metrics = Metrics()
    metrics.batch(3, 0.002, entries=2)
    metrics.acked(0.004)
    metrics.refused("auth_missing")
    metrics.conflicted("moved", 3)
    metrics.answered("GET", "/items/{item_id}", 200)
    metrics.rooms.set_function(lambda: 7)
    lines = metrics.render().decode().splitlines()
    assert {
        "itemroom_entries_stored_total 2.0",
        "itemroom_batch_commands_sum 3.0",
        'itemroom_batch_seconds_bucket{le="0.0025"} 1.0',
        'itemroom_ack_seconds_bucket{le="0.0025"} 0.0',
        'itemroom_ack_seconds_bucket{le="0.005"} 1.0',
        'itemroom_sockets_refused_total{code="auth_missing"} 1.0',
        'itemroom_http_requests_total{method="GET",route="/items/{item_id}",status="200"} 1.0',
        'itemroom_store_conflicts_total{what="moved"} 3.0',
        'itemroom_store_conflicts_total{what="busy"} 0.0',
        "itemroom_rooms 7.0",
    } <= set(lines)


def test_process_tells_of_itself() -> None:
    """What it takes of the machine, as Prometheus' own libraries name it."""
    lines = Metrics().render().decode().splitlines()
    assert float(_value(lines, "process_resident_memory_bytes")) > 2**20
    assert float(_value(lines, "process_start_time_seconds")) > 1e9


def _value(lines: list[str], name: str) -> str:
    (line,) = (line for line in lines if line.startswith(f"{name} "))
    return line.removeprefix(f"{name} ")


def test_made_up_method_or_path_is_no_label() -> None:
    """What a client can make up does not become a series, or memory would be its to spend."""
    metrics = Metrics()
    for number in range(5):
        metrics.answered(f"GET{number}", None, 404)
    text = metrics.render().decode()
    assert 'itemroom_http_requests_total{method="other",route="none",status="404"} 5.0' in text
    assert "GET" not in text


def test_two_servers_count_apart() -> None:
    """Two servers in one process have nothing in common."""
    one, other = Metrics(), Metrics()
    one.acked(1)
    assert b"itemroom_ack_seconds_count 0.0" in other.render()


def test_distribution_reads_like_a_histogram_of_prometheus(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same text for the same values: below, at and above each bound."""
    monkeypatch.setattr("time.time", lambda: 1e9)
    bounds = (0.0005, 0.25, 1, 1024)
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    distribution = Distribution("waits", "How long.", bounds)
    ours.register(distribution)
    histogram = Histogram("waits", "How long.", registry=theirs, buckets=bounds)
    for value in (0, 0.0005, 0.0006, 0.25, 0.3, 1, 7, 1024, 1e9):
        distribution.add(value)
        histogram.observe(value)
    assert generate_latest(ours) == generate_latest(theirs)
