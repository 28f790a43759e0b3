import asyncio
from zlib import crc32

import pytest

from tests.clients.drivers import Client, Driver, Program, each, on_stage
from tests.clients.judge import faults, read_log, report
from tests.clients.proxy import Fate, Piece, Proxy, Trap
from tests.clients.sweep import EACH, Sweep
from tests.conftest import Serve
from tests.serving import LiveServer

MESSAGES = 100  # Of each of two clients.
AT_ONCE = 3  # Messages of a client that have no answer yet.
# The clients lose hundreds of connections, which no limit was made for.
OPEN: dict[str, object] = {"publish_rate": 0, "connections_per_user": 0, "presence_grace": 0}


@pytest.mark.timeout(180)
async def test_an_exchange_cut_at_every_point_is_whole(
    program: Program, serve: Serve, request: pytest.FixtureRequest
) -> None:
    """Two clients talk, and lose the connection again and again, each time at another byte.

    One does at every message, the other at each of its own commands and at acks; both in a part
    of the handshake on some connections.
    """
    server = serve(**OPEN)
    ada = server.person("ada")
    ada.create("room")
    begin = crc32(request.node.name.encode()) % 13  # The programs together leave no byte out.
    sweeps = [Sweep("message", begin=begin), Sweep("publish", "ack", begin=begin + 6)]
    async with (
        program(server.url) as driver,
        Proxy(server.url, sweeps[0]) as first,
        Proxy(server.url, sweeps[1]) as second,
    ):
        clients = [
            await driver.open(proxy.url, "room", token=ada.token, after=0)
            for proxy in (first, second)
        ]
        given = await asyncio.gather(*(talk(client) for client in clients))
        for client in clients:
            await client.seen(2 * MESSAGES)
    reports = [report(*pair) for pair in zip(clients, given, strict=True)]
    assert faults(read_log(ada, "room"), reports) == []
    assert sweeps[0].cuts["message"] == 2 * MESSAGES
    assert sweeps[1].cuts["publish"] == MESSAGES
    assert sweeps[1].cuts["ack"] > 0
    assert len(sweeps[0].bytes["message"]) > 150
    assert all(sweep.cuts[kind] > 5 for sweep in sweeps for kind in EACH)


async def talk(client: Client) -> list[tuple[str, object]]:
    """Say it all, a little at a time."""
    free = asyncio.Semaphore(AT_ONCE)
    given: list[tuple[str, object]] = []
    async with asyncio.TaskGroup() as saying:
        for number in range(MESSAGES):
            await free.acquire()
            ref, body = f"{client.name}, {number}", {"n": number}
            given.append((ref, body))
            said = saying.create_task(client.do("publish", ref, body=body))
            said.add_done_callback(lambda _: free.release())
    return given


COMMANDS: list[tuple[str, dict[str, object]]] = [
    ("publish", {"body": {"text": "yes"}}),
    ("edit", {"target": 1, "body": {"text": "no"}}),
    ("react", {"target": 1, "value": "👍", "on": True}),
    ("delete", {"target": 1}),
]


async def test_a_lost_answer_stores_nothing_twice(
    programs: list[Program], server: LiveServer
) -> None:
    """Whatever the command: the ack is cut off, or the entry with it; it is stored once."""
    ada = server.person("ada")
    ways = [("ack",), ("ack", "message", "edit", "reaction", "delete")]

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        ada.publish(driver.item, {"text": "well?"})
        async with Proxy(server.url) as proxy:
            client = await driver.open(proxy.url, token=ada.token, after=0)
            await client.reach("live")
            told = []
            for number, (act, fields) in enumerate(COMMANDS):
                proxy.trap = silence(*ways[number % 2])
                told.append(await client.do(act, act, **fields))
            await client.seen(5)
        assert told == [2, 3, 4, 5]
        assert proxy.connections == 5
        log = read_log(ada, driver.item)
        assert [entry.get("ref") for entry in log[1:]] == [act for act, _ in COMMANDS]
        assert [entry["seq"] for entry in client.entries] == [1, 2, 3, 4, 5]

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


def silence(*types: str) -> Trap:
    """Ends the connection at the first frame of a type, once."""
    done: list[Piece] = []

    def trap(piece: Piece) -> Fate | None:
        if piece.upward or done or piece.frame.get("type") not in types:
            return None
        done.append(piece)
        return piece.cut(0)

    return trap


async def test_a_frame_lost_or_doubled_on_the_way_is_noticed(
    programs: list[Program], server: LiveServer
) -> None:
    """No network does it, but a broken promise must not become a hole or a double."""
    ada = server.person("ada")

    def trap(piece: Piece) -> Fate | None:
        frame = piece.frame
        if piece.upward or piece.connection or frame.get("type") != "message":
            return None
        return {2: piece.copies(2), 4: piece.copies(0)}.get(frame["seq"])

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        async with Proxy(server.url, trap) as proxy:
            client = await driver.open(proxy.url, token=ada.token, after=0)
            await client.reach("live")
            for number in range(3):
                ada.publish(driver.item, number)
            await client.seen(3)
            assert proxy.connections == 1
            for number in range(2):
                ada.publish(driver.item, number)
            await client.seen(5)
            assert proxy.connections == 2
        assert faults(read_log(ada, driver.item), [report(client)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)


async def test_a_dropped_connection_is_resumed(programs: list[Program], server: LiveServer) -> None:
    """The button of the console: nothing is missed, and it may be used at once again."""
    ada = server.person("ada")

    async def play(driver: Driver) -> None:
        ada.create(driver.item)
        async with Proxy(server.url) as proxy:
            client = await driver.open(proxy.url, token=ada.token)
            for number in range(3):
                # Of this connection: what was published may have come by the one before.
                await client.heard("welcome", number + 1)
                await client.reach("live")
                await client.control("reconnect")
                ada.publish(driver.item, number)
                await client.seen(number + 1)
            await client.heard("welcome", 4)
            await client.control("close")
            assert await client.heard("end") is None
        assert proxy.connections == 4
        assert client.state == "closed"
        assert faults(read_log(ada, driver.item), [report(client)]) == []

    async with on_stage(programs, server.url) as drivers:
        await each(drivers, play)
