import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.http11 import Response

from api.cli.failures import REFUSED, UNABLE, Failure
from api.cli.listening import Fields, follow
from api.store.sqlite.backup import back_up, restore
from itemroom import Change, Room
from itemroom.core import backoff
from tests.clients.python.scripted import (
    WELCOME,
    Script,
    answer,
    message,
    playing,
    say,
    until,
)
from tests.conftest import Serve
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


@dataclass
class Heard:
    """What a listener showed and noted."""

    entries: list[Fields] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    waits: list[Change] = field(default_factory=list)

    async def until(self, body: object) -> None:
        """Wait for a message."""
        await until(lambda: body in [entry.get("body") for entry in self.entries])


@asynccontextmanager
async def listening_to(url: str, token: str, **options: Any) -> AsyncIterator[Heard]:
    """Somebody who listens as long as the block runs."""
    heard = Heard()
    room = Room(url, item="order-17", token=token, **options)
    room.on("state", lambda change: heard.waits.append(change) if change.retry_at else None)
    task = asyncio.create_task(follow(room, show=heard.entries.append, note=heard.notes.append))
    try:
        yield heard
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Failure):
            await task


async def fails(url: str, token: str = "t") -> Failure:
    """How a listener ends."""
    room = Room(url, item="order-17", token=token, patience=0)
    with pytest.raises(Failure) as failure:
        await follow(room, show=print, note=print)
    return failure.value


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in tests."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.05)


async def test_restart_of_the_server_is_bridged_and_noted(serve: Serve) -> None:
    """Before, during and after it: each entry once, in order."""
    first = serve(restart_spread=0.1)
    ada = first.person("ada")
    ada.create("order-17")
    async with listening_to(first.url, ada.token, after=0) as heard:
        ada.publish("order-17", "before")
        await heard.until("before")
        await asyncio.to_thread(first.stop)
        ada.server = await asyncio.to_thread(serve, port=first.port, restart_spread=0.1)
        ada.publish("order-17", "after")
        await heard.until("after")
        seqs = [entry["seq"] for entry in heard.entries]
        assert seqs == list(range(1, len(seqs) + 1))
        assert heard.notes[0].startswith("the server closed the connection: restart; trying again")


@pytest.mark.sqlite
async def test_restored_log_is_noted_and_followed(serve: Serve, tmp_path: Path) -> None:
    """What comes under numbers that were shown before is not what was shown."""
    first = serve(restart_spread=0.1)
    ada = first.person("ada")
    ada.create("order-17")
    await asyncio.to_thread(back_up, first.settings.database_path, tmp_path / "backup")
    async with listening_to(first.url, ada.token) as heard:
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
    ending = asyncio.create_task(fails(server.url, ben.token))
    await until(lambda: server.state.hub.guests)
    ada.call("DELETE", "/items/order-17/members/ben")
    assert str(await ending).startswith("removed: You are no longer")


async def test_wrong_token_ends_the_listener(server: LiveServer, ada: Person) -> None:
    """With the reason that the server gives."""
    assert str(await fails(server.url, ada.token + "x")).startswith("auth_invalid: ")


async def test_each_outage_is_noted_once_with_its_reason() -> None:
    """However often it is tried to come back, and whatever is said meanwhile."""
    closing = {"type": "closing", "reason": "overloaded", "retry": "later", "retry_after": 0.01}

    async with (
        playing(
            say(WELCOME, message(1, "one"), close=1011),
            answer(503, b'{"code": "draining", "detail": "Bye."}', Retry_After="0"),
            answer(500, b'{"code": "internal", "detail": "It failed (id 7)."}'),
            say(WELCOME | {"after": 1}, message(2, "two"), closing),
            say({"type": "welcome"}),
            say(WELCOME | {"after": 2}, message(3, "the end")),
        ) as stage,
        listening_to(stage.url, "t", after=0) as heard,
    ):
        await heard.until("the end")
        assert [entry["body"] for entry in heard.entries] == ["one", "two", "the end"]
        assert len(heard.waits) == 5
    assert heard.notes == [
        "the connection was closed (1011); trying again",
        "the server closed the connection: overloaded; trying again",
    ]


async def test_server_that_has_gone_is_waited_for() -> None:
    """Once it was there, for as long as it takes."""
    async with AsyncExitStack() as stack:
        stage = await stack.enter_async_context(playing(say(WELCOME, close=1012)))
        async with listening_to(stage.url, "t") as heard:
            await until(lambda: heard.notes)
            await stack.aclose()
            # One more try may have found the server on its way out: only the last ones tell.
            heard.waits.clear()
            await until(lambda: len(heard.waits) > 2)
            assert heard.waits[-1].reason == "unreachable"
            assert heard.notes[0].startswith("the connection was closed (1012); trying again")


@pytest.mark.parametrize(
    ("script", "sentence", "code"),
    [
        (say(close=1002), "The connection was closed (1002).", REFUSED),
        (
            say({"type": "closing", "reason": "strange", "retry": "never"}, close=1008),
            "strange: ",
            REFUSED,
        ),
        (answer(404, b"<h1>nothing</h1>"), "The server answered 404: no room is there.", REFUSED),
        (answer(403, b'{"code": "origin_denied", "detail": "No."}'), "origin_denied: No.", REFUSED),
        (answer(400, b"[]"), "The server answered 400: no room is there.", REFUSED),
        (answer(503, b'{"code": "draining", "detail": "Bye."}'), "draining: Bye.", UNABLE),
    ],
)
async def test_final_answer_ends_the_listener(
    script: Script | Response, sentence: str, code: int
) -> None:
    """To ask again would only bring the same; nor is a server waited for that never was there."""
    async with playing(script) as stage:
        failure = await fails(stage.url)
        assert (str(failure), failure.code) == (sentence, code)
