"""Messages in the making, written and read over connections that are lost again and again."""

import asyncio
from functools import partial
from typing import Any

import pytest

from tests.browser import Windows
from tests.clients.drivers import Client, Driver, Program, each, in_chromium, in_node, on_stage
from tests.clients.proxy import Fate, Piece, Proxy, Trap
from tests.conftest import Serve

# Of one, two, three and four bytes, put together of several, and of two UTF-16 units.
TEXT = "Zażółć 😀 e\N{COMBINING ACUTE ACCENT} नि 🀄🎲 👩\N{ZERO WIDTH JOINER}👧! " * 40
OPEN: dict[str, object] = {"publish_rate": 0, "connections_per_user": 0, "presence_grace": 0}


@pytest.fixture
def authors(windows: Windows, scene: None) -> list[Program]:
    """The programs that can write them."""
    return [partial(in_node, "global"), partial(in_node, "ws"), partial(in_chromium, windows)]


def cutting(every: int, *types: str) -> Trap:
    """Ends the connection at each so many-th frame of these types, each time at another byte."""
    seen = 0

    def trap(piece: Piece) -> Fate | None:
        nonlocal seen
        if piece.frame.get("type") not in types:
            return None
        seen += 1
        return piece.cut(seen * 7 % (len(piece.raw) + 1)) if seen % every == 0 else None

    return trap


async def grown(client: Client, target: int, length: int) -> None:
    """Wait until a reader has so much of a text."""
    await client.send({"room": client.name, "do": "text", "target": target})
    await client.until(lambda: any(len(text) >= length for text in client.told("grown")))


@pytest.mark.timeout(180)
async def test_text_is_whole_whatever_is_lost(authors: list[Program], serve: Serve) -> None:
    """Who writes loses connections, who reads loses others, or comes when half of it is there."""
    server = serve(**OPEN)
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        async with (
            Proxy(server.url, cutting(3, "append", "appended")) as writing,
            Proxy(server.url, cutting(4, "append")) as reading,
        ):
            options: dict[str, Any] = {"token": ada.token}
            author = await driver.open(writing.url, **options)
            early = await driver.open(reading.url, after=0, **options)
            await author.send(
                {"room": author.name, "do": "write", "ref": "w", "text": TEXT}
                | {"units": 3, "pause": 5}
            )
            await early.until(lambda: any(one.get("open") for one in early.entries))
            await grown(early, 1, len(TEXT) // 3)
            late = [await driver.open(server.url, **options, **place) for place in PLACES]
            for client in late:
                await grown(client, 1, len(TEXT) // 2)
            readers = [early, *late]
            for reader in readers:
                assert await reader.heard("text") == TEXT
                assert await reader.heard("shown") == TEXT
            await author.until(lambda: "w" in author.answers)
            assert author.answers["w"]["seq"] == 2
            assert writing.ends
            assert reading.ends
        message = await asyncio.to_thread(ada.call, "GET", f"/items/{driver.item}/messages/1")
        assert message.json()["body"] == {"text": TEXT}
        entries = [(entry["type"], entry["seq"]) for entry in early.entries]
        assert entries == [("message", 1), ("finish", 2)]

    async with on_stage(authors, server.url) as drivers:
        await each(drivers, play)


PLACES: list[dict[str, Any]] = [{"after": 0}, {"after": 1}, {"tail": 0}]
