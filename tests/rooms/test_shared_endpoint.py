"""One socket for many items over a real server: what only a network can show."""

import asyncio
import time

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from api.accounts.identity import verify_token
from api.live.codecs import DEFAULT_CODEC
from api.live.opening import Entrance, read_entrance
from api.rooms.shared_endpoint import enter_shared
from api.state import State
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.described import check_shared_frame
from tests.live.fakes import FakeSocket, Fields
from tests.live.world import until
from tests.people import People
from tests.rooms.test_admission import said
from tests.rooms.test_plain import Peer
from tests.security.forge import forge, hs256
from tests.serving import PASSWORD, LiveServer, Talk

pytestmark = pytest.mark.anyio


async def of(talk: Talk, item: str, *types: str) -> Fields:
    """The next frame of an item."""
    while True:
        frame = await talk.get(*types)
        if frame.get("item") in {item, None} or frame["item"] == {"id": item, "title": ""}:
            return frame


async def test_frames_of_a_lively_socket_are_as_described(server: LiveServer) -> None:
    """Live: two items, a removal, a renewal, an error of each kind; all validates."""
    ada, bob = server.person("ada"), server.person("bob")
    for item in ("one", "two", "three"):
        ada.create(item, bob="writer")
    ada.publish("one", "first")
    async with asyncio.timeout(scaled(20)), bob.rooms() as talk, ada.room("two") as other:
        await talk.send("join", item="one", tail=5)
        await talk.send("join", item="two")
        await talk.send("join", item="three")
        await talk.send("join", item="nowhere")
        left = await of(talk, "nowhere", "left")
        assert (left["reason"], left["retry"]) == ("item_not_found", "never")
        for _ in range(3 - len([one for one in talk.seen if one["type"] == "live"])):
            await talk.get("live")
        await talk.send("publish", item="two", ref="r", body={"text": "hello"})
        assert (await of(talk, "two", "ack"))["ref"] == "r"
        assert (await other.get("message"))["body"] == {"text": "hello"}
        await other.send("signal", name="typing", body=True)
        await of(talk, "two", "signal")
        await talk.send("read", item="two", seq=1)
        await of(talk, "two", "read")
        await talk.send("auth", token=bob.token)
        await talk.get("auth")
        await talk.send("leave", item="three")
        await of(talk, "three", "left")
        ada.call("DELETE", "/items/one/members/bob")
        assert (await of(talk, "one", "left"))["reason"] == "removed"
        await talk.send("nonsense", item="two")
        await talk.send("ping", item="two")
        assert (await of(talk, "two", "pong"))["head"] == 2
        await talk.send("watch", since="2026-01-31T15:25:13.207Z")
        await talk.get("watching")
        ada.call("DELETE", "/items/two")
        assert (await of(talk, "two", "left"))["reason"] == "item_deleted"
        while (await talk.get("inbox"))["role"] is not None:
            pass
    for frame in talk.seen:
        check_shared_frame(frame)


async def test_revoked_session_closes_with_1008(server: LiveServer) -> None:
    """A browser's cookie opens it from our own page, and its logout ends it."""
    server.person("ada").create("doc")
    with httpx2.Client(base_url=server.url, headers={"Origin": server.url}) as browser:
        signed = {"username": "ada", "password": PASSWORD}
        assert browser.post("/auth/login", json=signed).is_success
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        url = f"{server.ws_url}/ws"
        headers = {"Cookie": cookie}
        with pytest.raises(InvalidStatus) as caught:
            async with connect(
                url, proxy=None, additional_headers=headers, origin=Origin("https://evil.example")
            ):
                pass
        assert caught.value.response.status_code == 403
        async with connect(
            url, proxy=None, additional_headers=headers, origin=Origin(server.url)
        ) as socket:
            talk = Talk(socket)
            assert (await talk.get("hello"))["you"]["name"] == "ada"
            assert browser.post("/auth/logout").is_success
            code, reason, closing = await talk.closed()
    assert (code, reason, closing["retry"]) == (1008, "auth_revoked", "never")


@pytest.mark.parametrize(
    ("query", "reason"),
    [("", "auth_missing"), ("?token=x", "auth_invalid"), ("?ticket=x", "auth_invalid")],
)
async def test_bad_credentials_are_told_by_close_code(
    server: LiveServer, query: str, reason: str
) -> None:
    """A real client sees why; a ticket is for one item's room."""
    async with connect(f"{server.ws_url}/ws{query}", proxy=None) as socket:
        *_, last = [frame async for frame in said(socket)]
    assert (socket.close_code, socket.close_reason) == (1008, reason)
    assert orjson.loads(last)["reason"] == reason


async def test_text_subprotocol_is_not_for_many_items(server: LiveServer) -> None:
    """A line does not say of which item it is: what is chosen is one of the others, or none."""
    ada = server.person("ada")
    url = f"{server.ws_url}/ws?token={ada.token}"
    text, msgpack = Subprotocol("itemroom.v1.text"), Subprotocol("itemroom.v1.msgpack")
    async with connect(url, proxy=None, subprotocols=[text, msgpack]) as socket:
        assert socket.subprotocol == msgpack
        assert isinstance(await socket.recv(), bytes)


async def test_outside_token_makes_the_items_that_it_names(serve: Serve) -> None:
    """On their first join; not those that it does not name, nor what could be none."""
    secret = "0123456789abcdef0123456789abcdef"
    outside = {"issuer": "https://shop.example", "issuer_audience": "rooms"}
    server = serve(**outside, issuer_secret=secret, new_item_burst=1, new_item_rate=0.001)
    now = int(time.time())
    claims = {"iss": "https://shop.example", "aud": "rooms", "sub": "customer-1", "iat": now}
    claims |= {"exp": now + 600, "jti": "j1", "items": {"order-*": "writer"}}
    header = {"alg": "HS256", "typ": "itemroom+jwt"}
    token = forge(header, claims, hs256(secret.encode()))
    async with connect(f"{server.ws_url}/ws?token={token}", proxy=None) as socket:
        talk = Talk(socket)
        for item in ("order-17", "invoice-17", "order-/", "order-18"):
            await talk.send("join", item=item)
            await talk.get("welcome", "left")
        assert talk.seen[-1]["reason"] == "rate_limited"  # One new item is allowed here.
    (welcome,) = [frame for frame in talk.seen if frame["type"] == "welcome"]
    assert (welcome["item"]["id"], welcome["you"]["role"]) == ("order-17", "writer")


async def test_server_that_stops_says_so(serve: Serve) -> None:
    """Before anything was joined as after it: once, with a time to come back."""
    server = serve()
    ada = server.person("ada")
    ada.create("doc")
    async with ada.rooms() as idle, ada.rooms() as talk:
        await talk.send("join", item="doc")
        await talk.get("live")
        stopping = asyncio.create_task(asyncio.to_thread(server.stop))
        for one in (idle, talk):
            code, reason, closing = await one.closed()
            assert (code, reason) == (1012, "restart")
            assert closing["retry_after"] > 0
        await stopping


async def test_it_works_under_any_asgi_server(
    app: FastAPI, state: State, client: httpx2.AsyncClient
) -> None:
    """Without our own server's transport, `receive` and `send` do the same job."""
    ada = await People(state, client).add("ada")
    await ada.do("POST", "/items", json={"id": "doc"})
    peer = Peer()
    peer.takes.set()
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/ws",
        "raw_path": b"/ws",
        "query_string": f"token={ada.token}".encode(),
        "headers": [(b"host", b"127.0.0.1:8000")],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
    }
    peer.says(type="websocket.connect")
    socket = asyncio.create_task(app(scope, peer.receive, peer.send))
    peer.says(text='{"type":"join","item":"doc"}')
    await until(lambda: '"type":"live"' in str(peer.texts()))
    peer.says(type="websocket.disconnect", code=1000)
    await socket
    assert len(state.hub.guests) == 0
    await state.sockets.wait_empty()


async def test_connections_of_a_user_are_counted_by_sockets(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    """Whatever is joined by them; who slips in between is sent out again."""
    state: State = app.state.itemroom
    state.settings = state.settings.model_copy(update={"connections_per_user": 1})
    ada = await People(state, client).add("ada")
    identify = await verify_token(state, ada.token)
    principal, standing = await state.readers.read(read_entrance, identify)
    sockets = [FakeSocket(), FakeSocket()]
    for socket in sockets:
        entrance = Entrance(principal, standing, state.hub.moment)
        enter_shared(state, socket, DEFAULT_CODEC, entrance)
    assert [frame["type"] for frame in sockets[0].said] == ["hello"]
    assert sockets[1].said[-1]["reason"] == "too_many_connections"
