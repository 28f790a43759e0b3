"""Where clients ask to begin, and who is let in: over a real socket, as real clients see it."""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from api.errors import Refusal
from api.live.opening import Beginning
from api.rooms.admission import read_beginning
from api.settings import Settings
from tests.conftest import Serve
from tests.security.forge import forge, hs256
from tests.serving import LiveServer

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("asked", "begin"),
    [
        ({}, Beginning(None, None, 50)),
        ({"after": "0"}, Beginning(0, None, 50)),
        ({"after": "007", "epoch": "e1"}, Beginning(7, "e1", 50)),
        ({"after": "9999999999999999999", "epoch": ""}, Beginning(10**19 - 1, None, 50)),
        ({"tail": "0"}, Beginning(None, None, 0)),
        ({"tail": "5000"}, Beginning(None, None, 1000)),
    ],
)
def test_wish_is_read_from_the_query(
    settings: Settings, asked: dict[str, str], begin: Beginning
) -> None:
    """A tail has an upper limit, a cursor only the number of its digits."""
    assert read_beginning(settings, **asked) == begin


@pytest.mark.parametrize("name", ["after", "tail"])
@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1_0", " 1", "\uff11", "0x1", "1" * 20])
def test_wish_that_is_no_number_is_malformed(settings: Settings, name: str, text: str) -> None:
    """Nothing that only Python would take for a number."""
    with pytest.raises(Refusal) as caught:
        read_beginning(settings, **{name: text})
    assert caught.value.code == "malformed"


@pytest.mark.parametrize("query", [{"after": "x"}, {"tail": "-1"}, {"epoch": "e" * 65}])
async def test_malformed_wish_is_denied_before_the_socket_opens(
    server: LiveServer, query: dict[str, str]
) -> None:
    """No person could act on it: an HTTP 400 that does not repeat what was sent."""
    ada = server.person("ada")
    ada.create("doc")
    with pytest.raises(InvalidStatus) as caught:
        async with connect(server.room_url("doc", token=ada.token, **query), proxy=None):
            pass
    response = caught.value.response
    assert response.status_code == 400
    problem = orjson.loads(response.body or b"")
    assert (problem["code"], problem["status"]) == ("malformed", 400)
    assert b"eee" not in (response.body or b"")


async def said(socket: ClientConnection) -> AsyncIterator[str | bytes]:
    """Everything until the end."""
    with suppress(ConnectionClosed):
        while True:
            yield await socket.recv()


async def end_of(server: LiveServer, item_id: str, **query: str) -> tuple[Any, ...]:
    """What a refused client gets: its frames, and how the socket was closed."""
    async with connect(server.room_url(item_id, **query), proxy=None) as socket:
        frames = [frame async for frame in said(socket)]
        return frames, socket.close_code, socket.close_reason


async def test_item_that_is_absent_foreign_deleted_or_impossible_answers_alike(
    server: LiveServer,
) -> None:
    """Byte for byte: nobody learns which items there are."""
    ada, eve = server.person("ada"), server.person("eve")
    ada.create("doc")
    eve.create("gone")
    eve.call("DELETE", "/items/gone")
    ends = [
        await end_of(server, item_id, token=eve.token)
        for item_id in ("doc", "gone", "nothing", "%00", "x" * 129, "a%20b")
    ]
    assert all(end == ends[0] for end in ends)
    assert ends[0][1:] == (1008, "item_not_found")


async def test_ticket_admits_once_to_its_item_only(server: LiveServer) -> None:
    """With the rights of whoever asked for it."""
    ada = server.person("ada")
    ada.create("doc")
    ada.create("other")
    first, second = (ada.call("POST", "/items/doc/tickets").json()["ticket"] for _ in range(2))
    async with connect(server.room_url("doc", ticket=first), proxy=None) as socket:
        assert orjson.loads(await socket.recv())["you"]["role"] == "admin"
    assert (await end_of(server, "doc", ticket=first))[2] == "ticket_used"
    assert (await end_of(server, "other", ticket=second))[2] in {"auth_invalid", "ticket_used"}


async def test_cookie_of_a_foreign_page_is_denied_before_the_socket_opens(
    server: LiveServer,
) -> None:
    """No code of ours would reach that page."""
    server.person("ada").create("doc")
    cookie = {"Cookie": "itemroom_session=whatever"}
    origin = Origin("https://evil.example")
    url = server.room_url("doc")
    with pytest.raises(InvalidStatus) as caught:
        async with connect(url, proxy=None, origin=origin, additional_headers=cookie):
            pass
    assert caught.value.response.status_code == 403
    assert orjson.loads(caught.value.response.body or b"")["code"] == "origin_denied"


@pytest.mark.parametrize(("limit", "status"), [(1, 429), (0, None)])
async def test_user_with_too_many_connections_is_denied(
    serve: Serve, limit: int, status: int | None
) -> None:
    """With a time to come back; 0 is no limit."""
    server = serve(connections_per_user=limit)
    ada = server.person("ada")
    ada.create("doc")
    async with ada.room("doc"):
        if status is None:
            async with ada.room("doc"):
                return
        with pytest.raises(InvalidStatus) as caught:
            async with ada.room("doc"):
                pass
    assert caught.value.response.status_code == status
    assert int(caught.value.response.headers["Retry-After"]) >= 1
    async with ada.room("doc"):
        pass


async def test_outside_token_makes_the_item_that_it_names(serve: Serve) -> None:
    """The host product's claim grants the role; user and item come to be on first use."""
    secret = "0123456789abcdef0123456789abcdef"
    server = serve(issuer="https://shop.example", issuer_audience="rooms", issuer_secret=secret)
    now = int(time.time())
    token = forge(
        {"alg": "HS256", "typ": "itemroom+jwt"},
        {
            "iss": "https://shop.example",
            "aud": "rooms",
            "sub": "customer-1",
            "iat": now,
            "exp": now + 600,
            "jti": "j1",
            "items": {"order-*": "writer"},
        },
        hs256(secret.encode()),
    )
    async with connect(server.room_url("order-17", token=token), proxy=None) as socket:
        welcome = orjson.loads(await socket.recv())
    assert (welcome["item"]["id"], welcome["you"]["role"]) == ("order-17", "writer")
