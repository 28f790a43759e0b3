"""Below a path that a proxy takes off: what the server says of addresses has the path in it."""

import httpx2
import pytest

from tests.conftest import Serve
from tests.serving import PASSWORD, LiveServer

pytestmark = pytest.mark.anyio

PATH = "/live/rooms"


@pytest.fixture
def server(serve: Serve) -> LiveServer:
    """Reached by browsers as a proxy's path."""
    return serve(public_url=f"http://127.0.0.1{PATH}/")


def test_what_is_said_of_addresses_has_the_path(server: LiveServer) -> None:
    """Whoever follows it comes by the proxy again."""
    ada = server.person("ada")
    created = ada.call("POST", "/items", json={"id": "order-17"})
    assert created.headers["location"] == f"{PATH}/items/order-17"
    with httpx2.Client(base_url=server.url) as client:
        assert client.get("/openapi.json").json()["servers"] == [{"url": PATH}]
        described = client.get("/asyncapi.json").json()["servers"]["this"]
    assert described == {"host": "127.0.0.1", "protocol": "ws", "pathname": PATH}


async def test_pages_of_the_origin_may_use_the_cookie(server: LiveServer) -> None:
    """An origin has no path, and `Host` neither."""
    server.person("ada")
    login = {"username": "ada", "password": PASSWORD}
    for origin, status in (("http://127.0.0.1", 200), ("http://127.0.0.2", 403)):
        answer = httpx2.post(
            f"{server.url}/auth/login", json=login, headers={"Origin": origin}, trust_env=False
        )
        assert answer.status_code == status, answer.text


async def test_room_is_where_it_was(server: LiveServer) -> None:
    """By the server's own short way, and what it leaves to the application."""
    ada = server.person("ada")
    ada.create("order-17")
    async with ada.room("order-17") as room:
        assert (await room.publish("hello"))["type"] == "ack"
    assert ada.call("GET", "/items/order-17/messages").json()["messages"][0]["body"] == "hello"
    assert ada.call("OPTIONS", "/items").headers["allow"] == "GET, HEAD, POST, OPTIONS"


def test_path_of_nobody_s_is_not_there(server: LiveServer) -> None:
    """A proxy that leaves the path in gets the same answer as for any other that is unknown."""
    assert httpx2.get(f"{server.url}{PATH}/healthz", trust_env=False).status_code == 404
