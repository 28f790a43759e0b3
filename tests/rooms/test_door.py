"""What a refusal at the door says, with our own server and with any other."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import orjson
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from api.rooms.door import Door
from api.settings import Settings
from api.wire.handshake import Handshake
from tests.conftest import Serve, make_settings
from tests.deadlines import scaled
from tests.scenarios.frames import dial, handshake
from tests.security.forge import forge, hs256
from tests.serving import Fields, LiveServer

pytestmark = pytest.mark.anyio
SECRET = "0123456789abcdef0123456789abcdef"
PLACES = 8


@pytest.fixture(params=[False, True], ids=["ours", "plain"])
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LiveServer]:
    """A server with one reader, places for what the server itself looks for, and an issuer."""
    settings = make_settings(
        tmp_path,
        reader_threads=1,
        reader_queue=PLACES,
        connections_per_user=1,
        issuer="https://shop.example",
        issuer_audience="rooms",
        issuer_secret=SECRET,
    )
    with LiveServer(settings, plain=request.param) as server:
        yield server


@asynccontextmanager
async def no_reader(server: LiveServer) -> AsyncIterator[None]:
    """The reader is taken while the block lasts, and so are the places behind it."""
    release, taken = threading.Event(), threading.Event()
    readers = server.state.readers

    def hold(_: object) -> None:
        taken.set()
        release.wait(scaled(30))

    holding = asyncio.create_task(readers.read(hold))
    await asyncio.to_thread(taken.wait)
    # Reads of the server's own may have some of the places: those that are left.
    reading = [asyncio.create_task(readers.read(hold)) for _ in range(PLACES)]
    await asyncio.sleep(0)  # They have asked.
    try:
        yield
    finally:
        release.set()
        await holding
        await asyncio.gather(*reading, return_exceptions=True)


async def test_client_that_goes_before_its_answer_is_let_go(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is seated for whom there is no socket, and it is no fault."""
    server = serve(reader_threads=1)
    ada = server.person("ada")
    ada.create("doc")
    connections = server.server.server_state.connections
    async with no_reader(server):
        with dial(server.url, handshake(f"/items/doc/ws?token={ada.token}")) as raw:
            while not any(isinstance(one, Handshake) for one in tuple(connections)):
                await asyncio.sleep(0)
            raw.reset()
        while any(isinstance(one, Handshake) for one in tuple(connections)):
            await asyncio.sleep(0)
    hub = server.state.hub
    await asyncio.to_thread(server.stop)
    assert not hub.guests
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def told(server: LiveServer, token: str, *protocols: str) -> tuple[str | bytes, str | None]:
    """The one frame before the close, and the close's reason."""
    url = server.room_url("doc", token=token)
    offered = [Subprotocol(name) for name in protocols] or None
    return await told_by(url, offered)


async def told_by(
    url: str, offered: list[Subprotocol] | None = None
) -> tuple[str | bytes, str | None]:
    async with connect(url, proxy=None, subprotocols=offered) as socket:
        frame = await socket.recv()
        await socket.wait_closed()
        return frame, socket.close_reason


async def test_overload_comes_with_its_delay(door: LiveServer) -> None:
    """As by REST: a client must know how long to stay away."""
    ada = door.person("ada")
    ada.create("doc")
    async with no_reader(door):
        frame, reason = await told(door, ada.token)
        answer = ada.call("GET", "/items/doc").json()
    closing: Fields = orjson.loads(frame)
    assert (closing["code"], reason) == (1013, "overloaded")
    assert closing["retry_after"] == answer["retry_after"] == 1
    assert closing["retry"] == "later"


async def test_ticket_of_whom_has_too_many_connections_is_used_up(door: LiveServer) -> None:
    """Looked at once, whichever way leads in: a second look would say that it was used."""
    ada = door.person("ada")
    ada.create("doc")
    ticket = ada.call("POST", "/items/doc/tickets").json()["ticket"]
    async with ada.room("doc"):
        with pytest.raises(InvalidStatus) as caught:
            await told_by(door.room_url("doc", ticket=ticket))
    assert orjson.loads(caught.value.response.body or b"")["code"] == "too_many_connections"


@pytest.mark.parametrize("path", ["/items/a/b/ws", "/items/ws", "/items/a/", "/x/items/a/ws"])
async def test_path_that_is_no_rooms_is_left_to_routing(path: str) -> None:
    """Nobody is judged before it is clear that there is something to be let into."""
    app, asked = FastAPI(), []

    async def catch_all(scope: Scope, _receive: Receive, _send: Send) -> None:
        asked.append(scope["path"])

    app.router.default = catch_all
    scope: Scope = {"type": "websocket", "path": path, "root_path": "", "headers": []}
    await Door(app, Settings())(scope, unheard, unsaid)
    assert asked == [path]


async def unheard() -> Message:
    """Nobody has to hear anything."""
    return {}


async def unsaid(_: Message) -> None:
    """Nobody has to say anything."""


def foreign_token() -> str:
    now = int(time.time())
    claims = {"iss": "https://shop.example", "aud": "bills", "sub": "1", "jti": "1"}
    header = {"alg": "HS256", "typ": "itemroom+jwt"}
    return forge(header, claims | {"iat": now, "exp": now + 600}, hs256(SECRET.encode()))


async def test_what_is_wrong_with_a_token_is_said(door: LiveServer) -> None:
    """To whoever sets up an issuer, in each subprotocol."""
    sentence = "The token is not valid: aud is not the audience that was configured."
    token = foreign_token()
    frame, reason = await told(door, token)
    assert (orjson.loads(frame)["message"], reason) == (sentence, "auth_invalid")
    frame, _ = await told(door, token, "itemroom.v1.text")
    assert frame == f"! auth_invalid: {sentence}"
