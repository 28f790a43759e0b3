"""A server that dies under two people who talk: nothing is lost, doubled or out of order."""

import asyncio
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.browser import PATIENCE, Windows
from tests.console.conftest import Visit
from tests.console.tab import Tab
from tests.process import Process
from tests.serving import Person

pytestmark = pytest.mark.anyio

MOST = 15  # Things that one person says in one life of the server.
FIRST = 8  # Of them, before the server has ended.
TALL = {"viewport": {"width": 900, "height": 4000}}  # All of it is on the screen.
# What Chromium writes down of a server that is not there, and nothing else.
GONE = (
    r"^WebSocket connection to '[^']+' failed: |"
    r"^Failed to load resource: "
    r"(net::ERR_(CONNECTION_\w+|CONTENT_LENGTH_MISMATCH|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED) "
    r"|the server responded with a status of 503 )"
)


def free_port() -> int:
    """One that the server can have again after it was killed."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def start(directory: Path, port: int) -> Process:
    """One life of the server."""
    return Process(directory, measured=False, port=port, restart_spread=0.5)


@asynccontextmanager
async def talking(topic: str, tabs: list[Tab], ended: asyncio.Event) -> AsyncIterator[list[str]]:
    """Each says one thing after the other, before and after the end; gives what was said."""
    said: list[str] = []
    is_over = False

    async def talk(number: int, tab: Tab) -> None:
        for turn in range(MOST):
            if turn == FIRST:
                await ended.wait()  # Whoever talks fast has something left to say after it.
            if is_over:
                return
            said.append(f"{topic}, person {number}, turn {turn}")
            await tab.say(said[-1])
            await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(talk(number, tab)) for number, tab in enumerate(tabs)]
    try:
        yield said
    finally:
        is_over = True
        ended.set()
        await asyncio.gather(*tasks)


async def settled(tabs: list[Tab], number: int) -> None:
    """Wait until everything that was said is stored and shown."""
    for tab in tabs:
        # As a browser tells its pages that the network is back: nobody waits for the dice.
        await tab.page.evaluate("() => dispatchEvent(new Event('online'))")
    for tab in tabs:
        await expect(tab.page.locator(".row-message[data-seq]")).to_have_count(
            number, timeout=3 * PATIENCE
        )
        await expect(tab.page.locator(".row-pending")).to_have_count(0)
        await tab.is_live()


def stored(person: Person) -> list[tuple[int, str]]:
    """What the server has, from the beginning."""
    page = person.call("GET", "/items/order-17/messages", params={"limit": 500}).json()
    return [(message["seq"], message["body"]) for message in page["messages"]]


async def begin(visit: Visit, server: Process) -> tuple[Person, list[Tab]]:
    """Ada and Bob in the room of an item, each in a browser."""
    ada, bob = server.person("ada"), server.person("bob")
    ada.create("order-17", bob="writer")
    tabs = [await visit(server, **TALL) for _ in (ada, bob)]
    for tab, person in zip(tabs, (ada, bob), strict=True):
        await tab.arrive(person, "order-17")
    return ada, tabs


async def talk_until(server: Process, tabs: list[Tab], signal_: signal.Signals) -> list[str]:
    """Both talk while the server ends, and on; what they said."""
    ended = asyncio.Event()
    async with talking(signal_.name, tabs, ended) as said:
        heard = tabs[1].message(f"{signal_.name}, person 0, turn 1")
        await expect(heard).to_have_attribute("data-seq", re.compile("[0-9]"))
        server.end(signal_)
        ended.set()
        await expect(tabs[0].page.locator(".row-pending")).not_to_have_count(0)
    return said


async def test_server_ends_and_comes_back_and_nobody_misses_a_word(
    visit: Visit, windows: Windows, tmp_path: Path
) -> None:
    """Killed, and then restarted in order, while two people talk on."""
    windows.tolerate(GONE)
    port = free_port()
    with start(tmp_path, port) as server:
        ada, tabs = await begin(visit, server)
        said = await talk_until(server, tabs, signal.SIGKILL)
    with start(tmp_path, port) as server:
        await settled(tabs, len(said))
        said += await talk_until(server, tabs, signal.SIGTERM)
    with start(tmp_path, port):
        await settled(tabs, len(said))
        log = stored(ada)
    assert sorted(body for _, body in log) == sorted(said)
    for tab in tabs:
        assert await tab.screen() == log
    for number in range(len(tabs)):
        spoken = [text for text in said if f"person {number}" in text]
        assert [text for _, text in log if f"person {number}" in text] == spoken
