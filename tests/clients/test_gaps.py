import asyncio
from dataclasses import replace

import pytest

from tests.clients.drivers import Client, Driver, Program, each, on_stage
from tests.clients.judge import faults, read_log, report
from tests.clients.proxy import Proxy
from tests.conftest import Serve
from tests.databases import change
from tests.serving import LiveServer, Person

EPOCH = "0123456789abcdef"


def five_messages(person: Person) -> str:
    """In a new item; the log's epoch."""
    person.create("room")
    for number in range(5):
        person.publish("room", number)
    return str(person.call("GET", "/items/room/messages").json()["epoch"])


@pytest.mark.parametrize("after", [3, 99])
async def test_a_place_that_is_not_there_is_told(
    programs: list[Program], server: LiveServer, after: int
) -> None:
    """Of another log, or beyond the end of this one; replay begins anew, and is whole."""
    ada = server.person("ada")
    epoch = five_messages(ada)
    place = {"after": after, "epoch": EPOCH if after == 3 else epoch}

    async def play(driver: Driver) -> None:
        client = await driver.open(server.url, "room", token=ada.token, **place)
        await client.seen(5)
        assert client.told("gap") == [{"after": 0, "oldest": 1, "epoch": epoch}]
        assert client.gap_places == [0]
        assert faults(read_log(ada, "room"), [report(client)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_what_is_no_longer_kept_is_told(programs: list[Program], serve: Serve) -> None:
    """A client that was away for longer than the log goes back begins where it begins."""
    server = serve()
    ada = server.person("ada")
    epoch = five_messages(ada)
    await asyncio.to_thread(server.stop)
    forget = "DELETE FROM entry WHERE seq <= 3", "UPDATE item SET oldest = 4"
    change(server.settings, *forget)
    again = serve()

    async def play(driver: Driver) -> None:
        client = await driver.open(again.url, "room", token=ada.token, after=1, epoch=epoch)
        await client.seen(5)
        assert client.told("gap") == [{"after": 3, "oldest": 4, "epoch": epoch}]
        assert client.entries == read_log(replace(ada, server=again), "room")

    async with on_stage(programs, again.url) as drivers:
        await each(drivers, play)


async def test_a_restored_backup_is_told(programs: list[Program], serve: Serve) -> None:
    """The log has become another under the clients: they are told, and get all that it is now."""
    server = serve(restart_spread=0)
    ada = server.person("ada")
    five_messages(ada)
    async with on_stage(programs, server.url) as drivers, Proxy(server.url) as proxy:

        async def enter(driver: Driver) -> Client:
            client = await driver.open(proxy.url, "room", token=ada.token, after=0)
            await client.seen(5)
            return client

        clients: list[Client] = await each(drivers, enter)
        await asyncio.to_thread(server.stop)
        lose = "DELETE FROM entry WHERE seq > 3", f"UPDATE item SET head = 3, epoch = '{EPOCH}'"
        change(server.settings, *lose)
        again = serve()
        proxy.target = again.url
        for number, client in enumerate(clients):
            await client.heard("gap")
            assert await client.do("publish", client.name, body="anew") == 4 + number
        for client in clients:
            await client.seen(3 + len(clients))
    for client in clients:
        assert client.told("gap") == [{"after": 0, "oldest": 1, "epoch": EPOCH}]
        assert client.gap_places == [5]
        client.entries = client.entries[5:]
    reports = [report(client, [(client.name, "anew")]) for client in clients]
    assert faults(read_log(replace(ada, server=again), "room"), reports) == []
