"""The JavaScript client where no WebSocket gets through: it takes events and requests by itself."""

import asyncio
import re
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.browser import Windows
from tests.clients.drivers import Client, Program, in_chromium, in_node, on_stage
from tests.clients.judge import faults, read_log, report
from tests.clients.proxy import Fate, Piece, Proxy
from tests.process import Process

MESSAGES = 20  # Of each client.
UPGRADE = re.compile(rb"(?i)upgrade: websocket\r\n")


class Eater:
    """Lets HTTP through, and no WebSocket: its upgrade is dropped on the way, or all of it is cut.

    Attributes:
        upgrades: how many were asked for.
        streams: how many event streams.
    """

    def __init__(self, *, cuts: bool) -> None:
        self._cuts = cuts
        self.upgrades = self.streams = 0

    def __call__(self, piece: Piece) -> Fate | None:
        if not piece.upward:
            return None
        self.streams += piece.raw.count(b"/items/room/events?")
        # Not only the first of a connection: Node asks on one that it already has.
        if not UPGRADE.search(piece.raw):
            return None
        self.upgrades += 1
        return piece.cut(0) if self._cuts else Fate(UPGRADE.sub(b"", piece.raw))


@pytest.mark.timeout(90)
@pytest.mark.parametrize("cuts", [False, True], ids=["upgrades eaten", "sockets cut"])
async def test_a_talk_without_sockets_is_whole(
    windows: Windows, scene: None, tmp_path: Path, *, cuts: bool
) -> None:
    """Whatever a proxy does to sockets, and with `kill -9` in the middle: each entry once."""
    programs: list[Program] = [partial(in_node, kind) for kind in ("global", "ws", "session")]
    if not cuts:
        programs.append(partial(in_chromium, windows))
        windows.tolerate("Failed to load resource")
    eater = Eater(cuts=cuts)
    async with AsyncExitStack() as stack:
        server = stack.enter_context(started(tmp_path))
        ada = server.person("ada")
        ada.create("room")
        proxy = await stack.enter_async_context(Proxy(server.url, eater))
        drivers = await stack.enter_async_context(on_stage(programs, proxy.url))
        clients = [await d.open(proxy.url, "room", token=ada.token, after=0) for d in drivers]
        talks = asyncio.gather(*map(talk, clients))
        for client in clients:
            await client.seen(MESSAGES)
        tried = eater.upgrades
        await asyncio.to_thread(server.end, signal.SIGKILL)
        server = started(tmp_path)
        await asyncio.to_thread(stack.enter_context, server)
        proxy.target = server.url
        given = await talks
        log = read_log(replace(ada, server=server), "room")
        for client in clients:
            await client.seen(len(log))
    assert faults(log, list(map(report, clients, given))) == []
    assert 0 < eater.upgrades == tried, "what is barred is not tried again, for a while"
    assert eater.streams >= 2 * len(clients)
    assert "ERROR" not in server.log


def started(directory: Path) -> Process:
    """A server that may be killed."""
    return Process(directory, measured=False, publish_rate=0)


async def talk(client: Client) -> list[tuple[str, object]]:
    """One message after the other."""
    given: list[tuple[str, object]] = []
    for number in range(MESSAGES):
        given.append((f"{client.name}, {number}", {"n": number}))
        await client.do("publish", given[-1][0], body=given[-1][1])
    return given
