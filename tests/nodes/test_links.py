"""What tests put between programs does to bytes what it says, and nothing else."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import psycopg
import pytest

from tests.nodes.commits import Scissors, carries_hints
from tests.nodes.links import Link, Passage
from tests.nodes.mishearing import Mishearing
from tests.programs.postgresql import Cluster

pytestmark = pytest.mark.anyio

INSERT = "INSERT INTO entry VALUES (%s)"


@asynccontextmanager
async def database(cluster: Cluster, scissors: Scissors) -> AsyncIterator[tuple[str, str]]:
    """The URLs of a database with a table of ours: by a link, and as it is."""
    url = cluster.database()
    cluster.run("CREATE TABLE entry (number int)", url)
    async with Link(lambda: [cluster.port], scissors.connection) as link:
        yield url.replace(f":{cluster.port}/", f":{link.port}/"), url


@pytest.mark.parametrize("autocommit", [True, False])
@pytest.mark.parametrize("arrive", [True, False])
async def test_commit_is_cut_off_before_its_answer(
    cluster: Cluster, *, autocommit: bool, arrive: bool
) -> None:
    """Whether or not it arrives; what stores nothing passes, and so do commits before and after."""
    scissors = Scissors()
    async with database(cluster, scissors) as (by_link, url):
        run = partial(store, by_link, autocommit=autocommit)
        await asyncio.to_thread(run, 1)
        scissors.cut(1, arrive=arrive)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.to_thread(run, 2)
        await asyncio.to_thread(run, 3)
        assert scissors.done == 1
        numbers = [1, 2, 3] if arrive else [1, 3]
        while [row[0] for row in cluster.run("SELECT * FROM entry", url)] != numbers:
            await asyncio.sleep(0.01)


def store(url: str, number: int, *, autocommit: bool) -> None:
    """By a statement that is prepared, as our servers' are."""
    with psycopg.connect(url, autocommit=autocommit, prepare_threshold=0) as connection:
        connection.execute("SELECT 1")
        connection.execute(INSERT, (number,))


async def test_link_stalls_and_is_cut() -> None:
    """What was held goes on, unless nobody waits for it any more."""
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Link(lambda: [1, port]) as link:
        reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
        link.stall()
        writer.write(b"one")
        link.flow()
        assert await reader.readexactly(3) == b"one"
        link.cut()
        assert not await reader.read()
        writer.close()
    server.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(data)
    writer.close()


def hint(body: bytes) -> bytes:
    return b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$%d\r\n%b\r\n" % (len(body), body)


REPLIES = b"+PONG\r\n:3\r\n$-1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"
BEAT = hint(b'"beat"')


@pytest.mark.parametrize(
    ("shares", "heard"),
    [
        ({}, [b"a", b"b", b"c"]),
        ({"lost": 1}, []),
        ({"doubled": 1}, [b"a", b"a", b"b", b"b", b"c", b"c"]),
        ({"late": 1}, [b"c", b"b", b"a"]),
    ],
)
def test_hints_are_misheard_and_nothing_else(shares: dict[str, float], heard: list[bytes]) -> None:
    """However the bytes come; a server's own beats pass, and what is late comes with them."""
    mishearing = Mishearing(random.Random(0))
    mishearing.listen(**shares)
    connection = mishearing.connection()
    told = [REPLIES, *map(hint, (b"a", b"b", b"c"))]
    data = b"".join([*told, BEAT])
    passed = b"".join(connection.down(data[at : at + 1]) for at in range(len(data)))
    hints = b"".join(map(hint, heard))
    assert passed == REPLIES + (BEAT + hints if "late" in shares else hints + BEAT)


async def test_hints_by_postgresql_are_misheard_and_held_alone(cluster: Cluster) -> None:
    """What the same connections answer otherwise passes, and so does all of others."""
    mishearing = Mishearing(random.Random(0))
    url = cluster.database()

    def passage() -> Passage:
        return Scissors().connection(mishearing.ear())

    async with Link(lambda: [cluster.port], passage) as link:
        by_link = url.replace(f":{cluster.port}/", f":{link.port}/")
        opened = await psycopg.AsyncConnection.connect(by_link, autocommit=True)
        async with opened as listening:
            await listening.execute("LISTEN ours")
            for done, (told, shares) in enumerate((("one", {"lost": 1}), ("two", {"doubled": 1}))):
                mishearing.listen(**shares)
                await asyncio.to_thread(cluster.run, f"SELECT pg_notify('ours', '{told}')", url)
                while mishearing.done == done:
                    await asyncio.sleep(0.01)
            heard = [one.payload async for one in listening.notifies(stop_after=2)]
            assert heard == ["two", "two"]
            link.stall(carries_hints)
            waiting = asyncio.create_task(_execute(listening))
            await asyncio.to_thread(store_nothing, by_link)
            assert not waiting.done()
            link.flow(carries_hints)
            await waiting


async def _execute(connection: "psycopg.AsyncConnection[tuple[object, ...]]") -> None:
    await connection.execute("SELECT 1")


def store_nothing(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("SELECT 1")
