import asyncio

from tests.clients.drivers import Driver, Program, each, on_stage
from tests.clients.judge import faults, read_log, report
from tests.clients.proxy import Proxy
from tests.conftest import Serve
from tests.deadlines import scaled
from tests.serving import LiveServer

BUFFER, SAID = 3, 9
# Together more than the kernel buffers for a connection, on both sides.
LARGE, MANY = "x" * 900_000, 10


async def test_entries_that_nobody_takes_are_fetched_later(
    programs: list[Program], server: LiveServer
) -> None:
    """The client keeps a few, lets go of the connection, and comes back for the rest."""
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        async with Proxy(server.url) as proxy:
            client = await driver.open(proxy.url, token=ada.token, after=0, buffer=BUFFER)
            await client.reach("live")
            await client.control("pause")
            for number in range(SAID):
                ada.publish(driver.item, number)
            await client.reach("waiting")
            assert client.told("state")[-1]["reason"] == "buffer_full"
            assert len(client.entries) <= 1
            await client.control("resume")
            await client.seen(SAID)
        assert proxy.connections >= 2
        assert faults(read_log(ada, driver.item), [report(client)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_a_loop_that_publishes_does_not_wait_for_itself(
    programs: list[Program], server: LiveServer
) -> None:
    """While entries wait, of which it takes no more before it has its answer."""
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        client = await driver.open(server.url, token=ada.token, after=0, buffer=BUFFER)
        await client.reach("live")
        await client.control("pause")
        for number in range(SAID):
            ada.publish(driver.item, number)
        await client.reach("waiting")
        assert await client.do("publish", "r", body="an answer") == SAID + 1
        await client.control("resume")
        await client.seen(SAID + 1)
        log = read_log(ada, driver.item)
        assert faults(log, [report(client, [("r", "an answer")])]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_a_stalled_connection_is_cut_and_made_up_for(
    programs: list[Program], serve: Serve
) -> None:
    """The network takes nothing, the server gives them up; they resume, and miss nothing."""
    server = serve(
        stall_timeout=0.5,
        write_buffer_bytes=1024,
        max_frame_bytes=2_000_000,
        max_body_bytes=1_000_000,
    )
    ada = server.person("ada")
    ada.create("room")
    async with on_stage(programs, server.url) as drivers, Proxy(server.url) as proxy:
        clients = [await d.open(proxy.url, "room", token=ada.token, after=0) for d in drivers]
        for client in clients:
            await client.reach("live")
        proxy.flowing.clear()
        for _ in range(MANY):
            await asyncio.to_thread(ada.publish, "room", LARGE)
        async with asyncio.timeout(scaled(20)):
            while server.state.hub.guests:
                await asyncio.sleep(0.02)
        proxy.flowing.set()
        for client in clients:
            await client.seen(MANY)
    assert proxy.connections >= 2 * len(clients)
    assert faults(read_log(ada, "room"), [report(client) for client in clients]) == []
