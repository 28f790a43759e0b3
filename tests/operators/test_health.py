"""Alive, ready, counted."""

import sqlite3
import threading
from typing import NoReturn

import httpx2
import pytest
from sqlalchemy.exc import OperationalError

from api.errors import Refusal
from api.operators import health
from api.settings import Settings
from api.state import State

pytestmark = pytest.mark.anyio


async def test_healthy_server_says_so(client: httpx2.AsyncClient) -> None:
    """Alive and ready."""
    assert (await client.get("/healthz")).json() == {"status": "alive"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}


@pytest.mark.sqlite
async def test_held_database_is_not_ready_but_alive(
    client: httpx2.AsyncClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign process holds the write lock for longer than a balancer waits."""
    monkeypatch.setattr(health, "READY_TIMEOUT", 0.2)
    foreign = sqlite3.connect(settings.database_path, isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    try:
        response = await client.get("/readyz")
        assert (await client.get("/healthz")).status_code == 200
    finally:
        foreign.close()
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")
    assert response.headers["retry-after"] == "1"


async def test_readers_that_hang_are_not_ready(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that answers nothing is found by the time limit."""
    monkeypatch.setattr(health, "READY_TIMEOUT", 0.1)
    go_on = threading.Event()
    monkeypatch.setattr(health, "_read_something", lambda _: go_on.wait(30))
    try:
        response = await client.get("/readyz")
    finally:
        go_on.set()
    assert response.json()["code"] == "database_unavailable"


@pytest.mark.parametrize("error", [OperationalError("", {}, Exception()), Refusal("overloaded")])
async def test_readers_that_fail_are_not_ready(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Neither a broken database nor a full queue is a 500."""

    def fail(_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(health, "_read_something", fail)
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, "database_unavailable")


async def test_metrics_are_prometheus_text(client: httpx2.AsyncClient, state: State) -> None:
    """With what the server is doing now."""
    state.metrics.batch(1, 0.001, entries=1)
    response = await client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = response.text.splitlines()
    assert "itemroom_connections 0.0" in lines
    assert "itemroom_rooms 0.0" in lines
    assert "itemroom_entries_stored_total 1.0" in lines
