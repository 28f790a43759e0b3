import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from api.cli import terminal
from api.cli.terminal import Chat
from itemroom import Room
from itemroom.core import backoff
from tests.cli.commands import Command
from tests.clients.python.scripted import WELCOME, message, playing, say, until
from tests.conftest import Serve
from tests.serving import LiveServer, Person

pytestmark = pytest.mark.anyio


class Screen:
    """A chat in a terminal of a test's own."""

    def __init__(self, app: Chat, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    def text(self, selector: str) -> str:
        """What a part of the screen shows."""
        return str(self.app.query_one(selector, Static).visual)

    @property
    def lines(self) -> list[str]:
        """The messages, without their times."""
        return [str(line.visual)[6:] for line in self.app.query("#messages Static").results(Static)]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the screen shows something."""
        try:
            await until(condition)
        except TimeoutError:
            parts = [self.text(part) for part in ("#title", "#people", "#typing", "#state")]
            raise AssertionError([self.lines, *parts]) from None

    async def type(self, text: str) -> None:
        """Type a line, and press Enter."""
        self.app.query_one(Input).value = text
        await self.pilot.press("enter")


@asynccontextmanager
async def chatting(url: str, token: str = "t", **options: Any) -> AsyncIterator[Screen]:
    """A chat that is on as long as the block runs."""
    app = Chat(Room(url, item="order-17", token=token, **options))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        yield Screen(app, pilot)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long in tests."""
    monkeypatch.setattr(backoff, "FIRST_WAIT", 0.05)


def invite(server: LiveServer) -> tuple[Person, Person]:
    ada, ben = server.person("ada"), server.person("ben")
    ada.create("order-17", ben="writer")
    return ada, ben


async def test_chat_shows_history_and_what_is_said_until_it_ends(server: LiveServer) -> None:
    """Also by oneself, and what becomes of it; and who is here and typing."""
    ada, ben = await asyncio.to_thread(invite, server)
    seq = ada.publish("order-17", "hello [b]Ben[/b]\nand \x1b[2J more")["seq"]
    async with chatting(server.url, ben.token) as screen:
        await screen.until(lambda: screen.text("#state") == "live")
        said = "ada hello [b]Ben[/b]\n      and \N{REPLACEMENT CHARACTER}[2J more"
        await screen.until(lambda: screen.lines == ["* ada made ben writer", said])
        assert screen.text("#title") == "order-17"
        await screen.type("hi Ada")
        await screen.until(lambda: screen.lines[-1] == "ben hi Ada")
        async with ada.room("order-17") as talk:
            await screen.until(lambda: screen.text("#people") == "2 here\nada\nben")
            await talk.get("live")
            await screen.pilot.press("x")
            assert (await talk.get("signal"))["by"]["name"] == "ben"
            await talk.send("signal", name="waving")
            await talk.send("signal", name="typing", body=True)
            await screen.until(lambda: screen.text("#typing") == "ada is typing…")
            await talk.publish({"text": "bye"})
            await screen.until(lambda: screen.lines[-1] == "ada bye")
            assert screen.text("#typing") == ""
            await talk.send("react", ref="r1", target=seq + 1, value="👍", on=True)
            await talk.send("edit", ref="r2", target=seq, body="hello again")
            await screen.until(lambda: screen.lines[1] == "ada hello again (edited)")
            assert screen.lines[2] == "ben hi Ada  👍 1"
            ada.call("PATCH", "/items/order-17", json={"title": "Order 17"})
            await screen.until(lambda: screen.text("#title") == "Order 17")
        marker = await asyncio.to_thread(ben.call, "GET", "/items/order-17")
        assert marker.json()["unread"] == 0


async def test_line_sent_while_the_server_is_away_arrives(serve: Serve) -> None:
    """The screen says what is going on; nothing is missing or doubled afterwards."""
    first = serve(restart_spread=0)
    ada, _ = await asyncio.to_thread(invite, first)
    async with chatting(first.url, ada.token) as screen:
        await screen.until(lambda: screen.text("#state") == "live")
        await asyncio.to_thread(first.stop)
        await screen.until(lambda: screen.text("#state").startswith("waiting: the server"))
        await screen.type("still there?")
        assert screen.text("#state").endswith(" · 1 to be sent")
        await asyncio.to_thread(serve, port=first.port, restart_spread=0)
        await screen.pilot.press("ctrl+r")
        await screen.until(lambda: screen.text("#state") == "live")
        await screen.until(lambda: screen.lines[1:] == ["ada still there?"])


async def test_refused_line_is_told(server: LiveServer) -> None:
    """And what was typed is not lost."""
    ada, ben = await asyncio.to_thread(invite, server)
    ada.call("PUT", "/items/order-17/members/ben", json={"role": "reader"})
    async with chatting(server.url, ben.token) as screen:
        await screen.until(lambda: screen.text("#state") == "live")
        await screen.type("let me [in]")
        await screen.until(lambda: len(screen.app._notifications))
        [told] = screen.app._notifications
        assert told.message.startswith("Not sent: let me [in]\nforbidden: ")
        await screen.type("  ")


async def test_end_of_the_room_is_shown(server: LiveServer) -> None:
    """With its reason, and nothing can be typed any more."""
    ada, ben = await asyncio.to_thread(invite, server)
    async with chatting(server.url, ben.token) as screen:
        await screen.until(lambda: screen.text("#state") == "live")
        ada.call("DELETE", "/items/order-17/members/ben")
        await screen.until(lambda: screen.text("#state").startswith("refused: removed"))
        await screen.until(lambda: screen.app.query_one(Input).disabled)
        assert screen.app.refused is not None


async def test_log_that_begins_anew_replaces_what_was_shown() -> None:
    """What was there under the same numbers is not what is there now."""
    anew = WELCOME | {"recovered": False, "after": 6, "epoch": "e2", "head": 7}
    at = {"at": "2026-01-31T15:25:13.207Z"}
    async with (
        playing(
            say(WELCOME, message(1, "old") | at, close=1012),
            say(anew, message(7, "new") | at),
        ) as stage,
        chatting(stage.url) as screen,
    ):
        await screen.until(lambda: screen.lines == ["Ada new"])


async def test_long_chat_keeps_the_newest_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs a widget; the keyboard scrolls, and stays with what is typed."""
    monkeypatch.setattr(terminal, "MAX_LINES", 40)
    at = {"at": "2026-01-31T15:25:13.207Z"}
    said = [message(seq, f"line {seq}") | at for seq in range(1, 61)]
    late = message(61) | at | {"type": "delete", "target": 1}
    async with playing(say(WELCOME, *said, late)) as stage, chatting(stage.url) as screen:
        await screen.until(lambda: len(screen.lines) == 40 and screen.lines[-1] == "Ada line 60")
        assert screen.lines[0] == "Ada line 21"
        messages = screen.app.query_one("#messages")
        await screen.until(lambda: messages.scroll_offset.y == messages.max_scroll_y > 0)
        await screen.pilot.press("pageup")
        await screen.until(lambda: messages.scroll_offset.y < messages.max_scroll_y)
        await screen.pilot.press("pagedown")
        await screen.until(lambda: messages.scroll_offset.y == messages.max_scroll_y)
        assert screen.app.focused is screen.app.query_one(Input)


def test_missing_textual_is_told(itemroom: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sentence that says which extra to install."""
    monkeypatch.delitem(sys.modules, "api.cli.terminal")
    monkeypatch.setitem(sys.modules, "textual.app", None)
    assert itemroom.failed("chat", "order-17") == (
        "The chat needs Textual: install `itemroom[tui]`."
    )


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
def test_chat_ends_when_it_is_left(
    itemroom: Command, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """Also before there was a connection; what was not sent is not waited for."""
    monkeypatch.setattr(Chat, "run", lambda app: run_for_a_moment(app, key))
    assert itemroom.done("chat", "order-17", "--url", "http://127.0.0.1:1", "--token", "x") == ""


def run_for_a_moment(app: Chat, key: str) -> None:
    async def work() -> None:
        async with app.run_test() as pilot:
            screen = Screen(app, pilot)
            await screen.type("hello?")
            await screen.until(lambda: screen.text("#state").startswith("waiting: the server"))
            await pilot.press(key)
            await until(lambda: not app.is_running)

    # Coverage loses the rest of a thread whose coroutines are cancelled like this.
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, work()).result()


def test_refused_chat_ends_with_the_reason(
    itemroom: Command, monkeypatch: pytest.MonkeyPatch, server: LiveServer
) -> None:
    """Where a shell can see it."""
    monkeypatch.setenv("ITEMROOM_URL", server.url)
    monkeypatch.setattr(Chat, "run", run_until_refused)
    assert itemroom.failed("chat", "order-17", "--token", "x", code=1).startswith("auth_invalid: ")


def run_until_refused(app: Chat) -> None:
    async def work() -> None:
        async with app.run_test():
            await until(lambda: app.refused)

    asyncio.run(work())


async def test_text_is_shown_while_it_grows(server: LiveServer) -> None:
    """And how it ends."""
    ada = server.person("ada", "Ada")
    ada.create("order-17")
    async with (
        chatting(server.url, ada.token) as screen,
        Room(server.url, item="order-17", token=ada.token, buffer=0) as room,
        room.stream({"text": ""}) as stream,
    ):
        await stream.append("Hel")
        await screen.until(lambda: "Ada Hel (in the making)" in screen.lines)
        await stream.append("lo")
        await screen.until(lambda: "Ada Hello (in the making)" in screen.lines)
        await stream.finish("stopped")
        await screen.until(lambda: "Ada Hello (stopped)" in screen.lines)
        # What is told late of one that has ended, or is not shown any more, changes nothing.
        for seq in (stream.seq, stream.seq + 1000):
            screen.app._put(seq, "Hell")
        assert "Ada Hello (stopped)" in screen.lines
