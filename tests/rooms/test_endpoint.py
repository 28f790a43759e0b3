"""A room over a real server: what only a network can show."""

import asyncio

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect

from api.accounts.identity import verify_token
from api.live.codecs import DEFAULT_CODEC
from api.live.opening import Arrival, Beginning, read_arrival
from api.rooms.endpoint import enter
from api.state import State
from tests.conftest import Serve
from tests.live.fakes import FakeSocket
from tests.live.world import World, until
from tests.people import People
from tests.rooms.test_admission import said
from tests.rooms.test_plain import Peer
from tests.serving import LiveServer, entries_until

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["wire", "plain"])
def adapter(request: pytest.FixtureRequest) -> str:
    """The room is the same under our own protocols and under those of any ASGI server."""
    name: str = request.param
    return name


async def test_joining_while_others_talk_misses_and_doubles_nothing(serve: Serve) -> None:
    """Readers come at any time, from any cursor, by replay and live: one log for all."""
    server = serve(publish_rate=0, page_max=7, recent_entries=16)
    ada = server.person("ada")
    ada.create("doc")
    total = 400

    async def talk() -> None:
        async with ada.room("doc") as room:
            for number in range(0, total, 10):
                for ref in range(number, number + 9):
                    await room.send("publish", body=number, ref=f"r{ref}")
                await room.publish(number, ref=f"r{number + 9}")
                while len([frame for frame in room.seen if frame["type"] == "ack"]) < number + 10:
                    await room.next()

    async def listen(after: int) -> list[int]:
        async with ada.room("doc", after=after) as room:
            return [entry["seq"] for entry in await entries_until(room, total)]

    talking = asyncio.create_task(talk())
    async with ada.room("doc", after=0) as first:
        await entries_until(first, 40)
        heard = await asyncio.gather(*(listen(after) for after in (0, 1, 5, 20, 30, 40)))
        await entries_until(first, total)
    await talking
    for after, seqs in zip((0, 1, 5, 20, 30, 40), heard, strict=True):
        assert seqs == list(range(after + 1, total + 1))


async def test_long_log_reaches_a_client_through_a_small_buffer(serve: Serve) -> None:
    """Full and drained again and again, a client that reads gets everything and is not cut."""
    server = serve(write_buffer_bytes=4096, stall_timeout=2, publish_rate=0)
    ada = server.person("ada")
    ada.create("doc")
    async with ada.room("doc") as room:
        for number in range(300):
            await room.publish("x" * 8000, ref=f"r{number}")
    async with ada.room("doc", after=0) as room:
        seqs = [entry["seq"] for entry in await entries_until(room, 300)]
        assert seqs == list(range(1, 301))
        assert (await room.get("live"))["seq"] == 300


async def test_client_that_reads_nothing_is_cut_and_misses_nothing(serve: Serve) -> None:
    """`slow_consumer` harms nobody else; a resume gives what was missed."""
    server = serve(write_buffer_bytes=2048, stall_timeout=0.5, publish_rate=0, page_max=20)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("doc", bob="reader")
    url = server.room_url("doc", token=bob.token, after=1)
    async with connect(url, proxy=None, max_queue=1) as lazy, ada.room("doc") as room:
        for number in range(1200):
            await room.publish("x" * 15_000, ref=f"r{number}")
        while len(server.state.hub.guests) > 1:
            await asyncio.sleep(0.01)
        assert [frame async for frame in said(lazy)]
        assert lazy.close_code in {1006, 1013}
    async with bob.room("doc", after=1) as again:
        seqs = [entry["seq"] for entry in await entries_until(again, 1201)]
        assert seqs == list(range(2, 1202))


@pytest.mark.parametrize("subprotocol", ["itemroom.v1.json", "itemroom.v1.text"])
async def test_binary_frame_in_a_text_subprotocol_closes_with_1003(
    server: LiveServer, subprotocol: str
) -> None:
    """And text in a binary one."""
    ada = server.person("ada")
    ada.create("doc")
    url = server.room_url("doc", token=ada.token)
    for offered, frame in ((subprotocol, b"{}"), ("itemroom.v1.msgpack", "{}")):
        async with connect(url, proxy=None, subprotocols=[offered]) as socket:  # type: ignore[list-item] # a NewType of str
            assert socket.subprotocol == offered
            await socket.send(frame)
            *_, last = [frame async for frame in said(socket)]
            assert (socket.close_code, socket.close_reason) == (1003, "unsupported_frame")
        assert "unsupported_frame" in str(last)


async def test_token_is_renewed_without_reconnecting(server: LiveServer) -> None:
    """The same user's newer token is taken, another user's is not."""
    ada, eve = server.person("ada"), server.person("eve")
    ada.create("doc")
    newer = server.person("ada2")
    async with ada.room("doc") as room:
        for token, answer in ((ada.token, "auth"), (eve.token, "error"), ("x", "error")):
            await room.send("auth", token=token)
            assert (await room.get("auth", "error"))["type"] == answer
        await room.send("auth", token=newer.token)
        assert (await room.get("error"))["code"] == "forbidden"


async def test_client_gone_without_a_word_leaves_the_room(serve: Serve) -> None:
    """A dead connection is one leave, after the grace."""
    server = serve(presence_grace=0.1)
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("doc", bob="reader")
    async with ada.room("doc") as room:
        async with bob.room("doc") as gone:
            # A change during the replay comes as the whole list, a later one as who has joined.
            while (await room.get("presence"))["count"] != len(("ada", "bob")):
                pass
            gone.socket.transport.abort()
        while not (told := await room.get("presence")).get("leave"):
            pass  # Joins may be told once more, to whoever was welcomed in between.
        assert [user["name"] for user in told["leave"]] == ["bob"]
        assert told["count"] == 1
        assert "bob" not in [user["name"] for user in told["join"]]


@pytest.mark.parametrize("client_leaves", [True, False], ids=["client", "server"])
async def test_room_works_under_any_asgi_server(
    app: FastAPI, state: State, client: httpx2.AsyncClient, *, client_leaves: bool
) -> None:
    """Without our own server's transport, `receive` and `send` do the same job."""
    ada = await People(state, client).add("ada")
    await ada.do("POST", "/items", json={"id": "doc"})
    peer = Peer()
    peer.takes.set()
    scope = {
        "type": "websocket",
        "scheme": "ws",
        "path": "/items/doc/ws",
        "raw_path": b"/items/doc/ws",
        "query_string": f"token={ada.token}".encode(),
        "headers": [(b"host", b"127.0.0.1:8000")],
        "client": ("127.0.0.1", 4711),
        "server": ("127.0.0.1", 8000),
        "subprotocols": [],
    }
    peer.says(type="websocket.connect")
    room = asyncio.create_task(app(scope, peer.receive, peer.send))
    peer.says(text='{"type":"publish","body":"hello","ref":"r"}')
    await until(lambda: '"type":"ack"' in str(peer.texts()))
    types = [orjson.loads(text)["type"] for text in peer.texts()[1:]]
    assert types[0] == "welcome"
    assert set(types) >= {"live", "message", "ack"}
    if client_leaves:
        peer.says(type="websocket.disconnect", code=1000)
    else:
        state.hub.members()[0].end("restart", retry_after=1)
    await room
    assert len(state.hub.guests) == 0
    await state.sockets.wait_empty()


async def test_failed_handler_ends_with_the_id_that_the_log_has(world: World) -> None:
    """The socket's adapter tells the connection."""
    ada = await world.live()
    ada.connection.failed("0a1b2c3d")
    closing = await ada.is_closed()
    assert (closing["code"], closing["message"]) == (1011, "failure 0a1b2c3d")


async def test_broken_protocol_ends_with_its_code(world: World) -> None:
    """What the socket's adapter found, in the contract's words."""
    ada = await world.live()
    ada.connection.broke("too_big")
    assert (await ada.is_closed())["code"] == 1009


async def test_handshakes_at_once_do_not_exceed_the_connections_of_a_user(
    app: FastAPI, client: httpx2.AsyncClient
) -> None:
    """Whoever slips in between the check at the door and the room is sent out again."""
    state: State = app.state.itemroom
    state.settings = state.settings.model_copy(update={"connections_per_user": 1})
    ada = await People(state, client).add("ada")
    await ada.do("POST", "/items", json={"id": "doc"})
    identify = await verify_token(state, ada.token)
    beginning = Beginning(after=None, epoch=None, tail=0)
    moment = state.hub.moment
    access, opening = await state.readers.read(read_arrival, identify, "doc", beginning)
    sockets = [FakeSocket(), FakeSocket()]
    for socket in sockets:
        enter(state, socket, DEFAULT_CODEC, Arrival(access, beginning, opening, moment))
    assert [frame["type"] for frame in sockets[0].said] == ["welcome", "live"]
    assert sockets[1].said[-1]["reason"] == "too_many_connections"
