import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_sockets
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from api.backup import back_up, restore
from api.cli import listening
from api.cli.failures import Failure
from api.cli.listening import Listener
from tests.conftest import Serve
from tests.live import Fields, LiveServer, Person

pytestmark = pytest.mark.anyio

WELCOME: Fields = {"type": "welcome", "recovered": True, "after": 0, "epoch": "e1"}


@dataclass
class Heard:
    """What a listener showed and noted."""

    entries: list[Fields] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def bodies(self) -> list[object]:
        return [entry.get("body") for entry in self.entries]

    async def until(self, body: object) -> None:
        """Wait for a message."""
        while body not in self.bodies:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def listening_to(url: str, token: str, after: int | None = None) -> AsyncIterator[Heard]:
    """Somebody who listens as long as the block runs."""
    heard = Heard()
    listener = Listener(url, token, show=heard.entries.append, note=heard.notes.append, after=after)
    task = asyncio.create_task(listener.run())
    try:
        yield heard
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Failure):
            await task


async def fails(url: str, token: str = "t") -> str:
    """The sentence with which a listener ends."""
    with pytest.raises(Failure) as failure:
        await Listener(url, token, show=print, note=print).run()
    return str(failure.value)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in tests."""
    monkeypatch.setattr(listening, "FIRST_WAIT", 0.05)


def room(server: LiveServer) -> str:
    return f"{server.ws_url}/items/order-17/ws"


async def test_restart_of_the_server_is_bridged_without_loss(serve: Serve) -> None:
    """Before, during and after it: each entry once, in order."""
    first = serve(restart_spread=0.1)
    ada = first.person("ada")
    ada.create("order-17")
    async with listening_to(room(first), ada.token, after=0) as heard:
        for number in range(5):
            ada.publish("order-17", f"before {number}")
        await heard.until("before 4")
        await asyncio.to_thread(first.stop)
        second = await asyncio.to_thread(serve, port=first.port, restart_spread=0.1)
        ada.server = second
        for number in range(5):
            ada.publish("order-17", f"after {number}")
        await heard.until("after 4")
        seqs = [entry["seq"] for entry in heard.entries]
        assert seqs == list(range(1, len(seqs) + 1))
        assert heard.notes[0].startswith("the server closed the connection: restart; trying again")


async def test_restored_log_is_noted_and_followed(serve: Serve, tmp_path: Path) -> None:
    """What comes under numbers that were shown before is not what was shown."""
    first = serve(restart_spread=0.1)
    ada = first.person("ada")
    ada.create("order-17")
    await asyncio.to_thread(back_up, first.settings.database_path, tmp_path / "backup")
    async with listening_to(room(first), ada.token) as heard:
        for number in range(5):
            ada.publish("order-17", f"lost {number}")
        await heard.until("lost 4")
        await asyncio.to_thread(first.stop)
        await asyncio.to_thread(restore, first.settings, tmp_path / "backup")
        ada.server = await asyncio.to_thread(serve, port=first.port, restart_spread=0.1)
        ada.publish("order-17", "other")
        await heard.until("other")
        assert any("does not go on where it was" in note for note in heard.notes)


@pytest.fixture
def ada(server: LiveServer) -> Person:
    """The admin of order-17."""
    ada = server.person("ada")
    ada.create("order-17")
    return ada


async def test_end_of_rights_ends_the_listener(server: LiveServer, ada: Person) -> None:
    """There is nothing to come back to."""
    ben = server.person("ben")
    ada.call("PUT", "/items/order-17/members/ben", json={"role": "reader"})
    ending = asyncio.create_task(fails(room(server), ben.token))
    while server.state.hub.connections == 0:
        await asyncio.sleep(0.01)
    ada.call("DELETE", "/items/order-17/members/ben")
    assert (await ending).startswith("removed: ")


async def test_wrong_token_ends_the_listener(server: LiveServer, ada: Person) -> None:
    """With the reason that the server gives."""
    assert (await fails(room(server), ada.token + "x")).startswith("auth_invalid: ")


Script = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def playing(*scripts: Script | Response) -> AsyncIterator[str]:
    """A server that does one thing with its first client, and so on."""
    left = list(scripts)

    def knock(_: ServerConnection, _request: Request) -> Response | None:
        return left.pop(0) if isinstance(left[0], Response) else None  # type: ignore[return-value] # just asked

    async def talk(socket: ServerConnection) -> None:
        script = left.pop(0)
        assert not isinstance(script, Response)
        await script(socket)

    async with serve_sockets(talk, "127.0.0.1", 0, process_request=knock) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/items/order-17/ws"


def say(*frames: Fields, close: int) -> Script:
    async def script(socket: ServerConnection) -> None:
        for frame in frames:
            await socket.send(json.dumps(frame))
        await socket.close(close)

    return script


def answer(status: int, body: bytes = b"", **headers: str) -> Response:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    named["Content-Length"] = str(len(body))
    return Response(status, HTTPStatus(status).phrase, named, body)


def message(seq: int, body: str) -> Fields:
    by = {"id": "u", "name": "Ada"}
    return {"type": "message", "seq": seq, "at": "", "by": by, "body": body}


async def stay(socket: ServerConnection) -> None:
    await socket.send(json.dumps(WELCOME | {"after": 2}))
    await socket.send(json.dumps(message(3, "the end")))
    await socket.wait_closed()


async def test_lost_connection_is_taken_up_where_it_ended() -> None:
    """Whatever ended it: the cursor and its epoch are shown again, and nothing comes twice."""
    asked: list[str] = []

    def ask(then: Script) -> Script:
        async def script(socket: ServerConnection) -> None:
            assert socket.request is not None
            asked.append(socket.request.path.partition("?")[2])
            await then(socket)

        return script

    closing = {"type": "closing", "reason": "overloaded", "retry": "later", "retry_after": 0.01}
    async with (
        playing(
            ask(say(WELCOME, {"type": "news"}, message(1, "one"), close=1011)),
            answer(503, Retry_After="0"),
            answer(429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
            ask(say(WELCOME | {"after": 1}, message(2, "two"), closing, close=1013)),
            ask(say(close=1000)),
            ask(stay),
        ) as url,
        listening_to(url, "t", after=0) as heard,
    ):
        await heard.until("the end")
        assert heard.bodies == ["one", "two", "the end"]
    assert asked == ["after=0", *["after=1&epoch=e1"], *["after=2&epoch=e1"] * 2]
    assert [note.partition(";")[0] for note in heard.notes] == [
        "the connection was closed (1011)",
        "the server answered 503",
        "the server answered 429",
        "the server closed the connection: overloaded",
        "the connection was closed (1000)",
    ]


async def test_server_that_has_gone_is_waited_for() -> None:
    """Once it was there; and each wait is longer, at random, until it is there again."""
    async with playing(say(WELCOME, close=1012)) as url:
        heard = Heard()
        listener = Listener(url, "t", show=heard.entries.append, note=heard.notes.append)
        task = asyncio.create_task(listener.run())
        while not heard.notes:
            await asyncio.sleep(0.01)
    # One more try may have found the server on its way out: only the last tries tell.
    while not all("cannot be reached; try" in note for note in heard.notes[-3:]):
        await asyncio.sleep(0.01)
    task.cancel()


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (say(close=1008), "the connection was closed (1008)."),
        (
            say({"type": "closing", "reason": "strange", "retry": "never"}, close=1008),
            "strange: ",
        ),
        (answer(404, b"<h1>nothing</h1>"), "The server answered 404: no room is there."),
        (answer(403, b'{"code": "origin_denied", "detail": "No."}'), "origin_denied: No."),
        (answer(400, b"[]"), "The server answered 400: no room is there."),
    ],
)
async def test_final_answer_ends_the_listener(script: Script | Response, sentence: str) -> None:
    """To ask again would only bring the same answer."""
    async with playing(script) as url:
        assert await fails(url) == sentence
