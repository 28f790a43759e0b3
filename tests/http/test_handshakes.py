"""Nobody new while the server stops; so many handshakes an address."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.http.scopes import client_network
from api.state import State
from tests.conftest import Serve, make_settings
from tests.http.conftest import Ask, header

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("kind", "path"),
    [("http", "/auth/me"), ("http", "/docs"), ("websocket", "/items/x/ws")],
)
async def test_draining_server_takes_nothing_new(
    ask: Ask, state: State, kind: str, path: str
) -> None:
    """503 with a delay, and an end to the connection it came on."""
    state.draining = True
    start, body = await ask(path, type=kind)
    assert start["status"] == 503
    assert b'"code":"draining"' in body["body"]
    assert header(start, "retry-after") == "5"
    assert header(start, "connection") == "close"


@pytest.mark.parametrize(
    ("path", "status"), [("/healthz", 200), ("/readyz", 503), ("/metrics", 200)]
)
async def test_draining_server_can_be_watched(
    client: httpx2.AsyncClient, state: State, path: str, status: int
) -> None:
    """It is alive, not ready, and still counts."""
    state.draining = True
    assert (await client.get(path)).status_code == status


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[FastAPI]:
    """A server whose addresses may begin two handshakes, and then one a hundred seconds."""
    settings = make_settings(tmp_path, handshake_rate=0.01, handshake_burst=2)
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


async def test_handshakes_beyond_the_burst_are_denied(ask: Ask) -> None:
    """429 with a delay; other addresses are not affected."""
    statuses = []
    for _ in range(3):
        start, *_ = await ask("/nope", type="websocket")
        statuses.append(start["status"])
    assert statuses == [404, 404, 429]
    start, body = await ask("/nope", type="websocket")
    assert b'"code":"rate_limited"' in body["body"]
    assert int(header(start, "retry-after") or 0) in range(90, 101)
    start, _ = await ask("/nope", type="websocket", client=("192.0.2.2", 1))
    assert start["status"] == 404


async def test_handshakes_of_one_ipv6_network_count_together(ask: Ask) -> None:
    """Whoever owns one address of a /64 owns them all."""
    statuses = []
    for number in range(3):
        start, *_ = await ask("/nope", type="websocket", client=(f"2001:db8::{number}", 1))
        statuses.append(start["status"])
    assert statuses == [404, 404, 429]


async def test_requests_do_not_count_as_handshakes(ask: Ask) -> None:
    """Health checks and logins go on while an address is out of handshakes."""
    for _ in range(5):
        start, *_ = await ask("/healthz")
        assert start["status"] == 200


@pytest.mark.parametrize(("client", "network"), [(None, ""), (("2001:db8::1", 1), "2001:db8::/64")])
def test_client_is_counted_by_network(client: tuple[str, int] | None, network: str) -> None:
    """Over a Unix socket all are one client."""
    assert client_network({"client": client}) == network


async def test_flood_of_handshakes_leaves_requests_alone(serve: Serve) -> None:
    """Live: most of 50 handshakes are refused before the accept, health stays good."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus

    server = serve(handshake_rate=1, handshake_burst=5)
    refusals = []
    for _ in range(50):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"{server.ws_url}/nope", proxy=None)
        refusals.append(refused.value.response)
    limited = [response for response in refusals if response.status_code == 429]
    assert len(limited) >= 40
    assert all(response.headers["Retry-After"] for response in limited)
    async with httpx2.AsyncClient(base_url=server.url) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert 'refused_total{code="rate_limited"}' in (await client.get("/metrics")).text


async def test_handshakes_with_a_good_credential_do_not_count(serve: Serve) -> None:
    """Live: after a restart a whole office may come back through one address."""
    server = serve(handshake_rate=0.01, handshake_burst=2)
    ada = server.person("ada")
    ada.create("order-17")
    for _ in range(10):
        async with ada.room("order-17") as talk:
            assert talk.welcome["type"] == "welcome"
