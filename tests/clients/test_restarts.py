import asyncio
import signal
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from tests.clients.drivers import Client, Driver, Program, each, on_stage
from tests.clients.judge import faults, read_log, report
from tests.clients.proxy import Fate, Piece, Proxy
from tests.conftest import Serve
from tests.process import Process
from tests.serving import LiveServer, Person

MESSAGES = 30  # Of each client.
PAUSE = 0.5  # Seconds; what a server that restarts asks for, at least.
NOWHERE = "http://127.0.0.1:9"


class Leaving:
    """A client in a room whose server is about to restart."""

    def __init__(self, driver: Driver, person: Person) -> None:
        self._driver, self._person = driver, person
        self.proxy = Proxy(person.server.url, self._note)
        self._told_at = 0.0

    def _note(self, piece: Piece) -> Fate | None:
        if piece.frame.get("type") == "closing":
            self._told_at = asyncio.get_running_loop().time()
        return None

    async def enter(self) -> None:
        self._person.create(self._driver.item)
        self._client = await self._driver.open(self.proxy.url, token=self._person.token, after=0)
        await self._client.reach("live")

    def _reasons(self) -> list[str]:
        return [state["reason"] for state in self._client.told("state")]

    async def talk(self, again: LiveServer) -> None:
        """Say something while there is no server, and see what has become of it."""
        # It may have tried to come back by now, in vain, and have another reason to wait.
        await self._client.until(lambda: "restart" in self._reasons())
        refs = [f"r{n}" for n in range(5)]
        said = [asyncio.create_task(self._client.do("publish", ref, body=ref)) for ref in refs]
        self.proxy.target = again.url
        assert await asyncio.gather(*said) == [1, 2, 3, 4, 5]
        await self._client.seen(5)
        assert self.proxy.accepted[1] - self._told_at >= PAUSE * 0.98
        log = read_log(replace(self._person, server=again), self._driver.item)
        assert faults(log, [report(self._client, [(ref, ref) for ref in refs])]) == []


async def test_a_restart_is_waited_for(programs: list[Program], serve: Serve) -> None:
    """Not before the time that the server has asked for; what is said meanwhile is kept."""
    server = serve(restart_spread=0)
    ada = server.person("ada")
    async with AsyncExitStack() as stack:
        drivers = await stack.enter_async_context(on_stage(programs, server.url))
        leaving = {driver.item: Leaving(driver, ada) for driver in drivers}
        for one in leaving.values():
            await stack.enter_async_context(one.proxy)
            await one.enter()
        await asyncio.to_thread(server.stop)
        again = serve()
        await each(drivers, lambda driver: leaving[driver.item].talk(again))


async def test_more_than_the_outbox_holds_is_refused(
    programs: list[Program], server: LiveServer
) -> None:
    """While nothing can be sent: at once, and what it holds is sent later, in order."""
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        async with Proxy(NOWHERE) as proxy:
            client = await driver.open(proxy.url, token=ada.token, after=0, outbox=3)
            refs = [f"r{n}" for n in range(4)]
            said = [asyncio.create_task(client.do("publish", ref, body=ref)) for ref in refs]
            await asyncio.wait([said[3]])
            assert client.answers["r3"]["code"] == "outbox_full"
            assert str(said[3].exception()) == "outbox_full"
            proxy.target = server.url
            assert await asyncio.gather(*said[:3]) == [1, 2, 3]
            await client.seen(3)
        given = [(ref, ref) for ref in refs[:3]]
        assert faults(read_log(ada, driver.item), [report(client, given)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


@pytest.mark.timeout(90)
async def test_killed_servers_lose_nothing(programs: list[Program], tmp_path: Path) -> None:
    """All clients in one room, and `kill -9` in the middle of their talk, twice."""
    async with AsyncExitStack() as stack:
        server = stack.enter_context(started(tmp_path))
        ada = server.person("ada")
        ada.create("room")
        proxy = await stack.enter_async_context(Proxy(server.url))
        drivers = await stack.enter_async_context(on_stage(programs, server.url))
        clients = [await d.open(proxy.url, "room", token=ada.token, after=0) for d in drivers]
        talks = asyncio.gather(*map(talk, clients))
        for kills in (1, 2):
            await clients[0].seen(kills * MESSAGES)
            await asyncio.to_thread(server.end, signal.SIGKILL)
            server = started(tmp_path)
            await asyncio.to_thread(stack.enter_context, server)
            proxy.target = server.url
        given = await talks
        log = read_log(replace(ada, server=server), "room")
        for client in clients:
            await client.seen(len(log))
    assert faults(log, list(map(report, clients, given))) == []
    assert len(log) == len(clients) * MESSAGES
    assert proxy.connections >= 3 * len(clients)
    assert "ERROR" not in server.log


def started(directory: Path) -> Process:
    """A server that may be killed."""
    return Process(directory, measured=False, publish_rate=0)


async def talk(client: Client) -> list[tuple[str, object]]:
    """One message after the other."""
    given: list[tuple[str, object]] = []
    for number in range(MESSAGES):
        given.append((f"{client.name}, {number}", {"said by": client.name, "n": number}))
        await client.do("publish", given[-1][0], body=given[-1][1])
    return given
