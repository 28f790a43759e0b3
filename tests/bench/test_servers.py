"""What is measured on PostgreSQL, against servers that really share one."""

import asyncio
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bench.load.connections import Client, connect, disconnect_all
from bench.load.crossing import Crossings, Elsewhere, Here
from bench.load.dialect import Plain
from bench.machine import cores
from bench.peers.itemroom_pg import ItemroomOnPostgres, SpreadRooms
from bench.peers.peer import World, started
from bench.peers.transaction import Refs
from tests.deadlines import scaled
from tests.programs.postgresql import Cluster


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that PostgreSQL gets to, which does not run as root: not among pytest's own."""
    with TemporaryDirectory(prefix="itemroom-bench-") as name:
        yield Path(name)


@pytest.mark.anyio
async def test_what_is_said_at_one_server_is_heard_and_timed_at_another(
    folder: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers on a PostgreSQL that has the world in it."""
    # The benchmark finds the programs of the tests.
    monkeypatch.setenv("PATH", str(cluster.programs), prepend=os.pathsep)
    peer, world = ItemroomOnPostgres(), World(members=2, servers=2)
    peer.install()
    with started(peer, world, folder, core=cores().server) as site:
        dialect = site.dialect
        assert dialect.address(0, 0).url != dialect.address(0, 1).url
        crossings = Crossings()
        elsewhere = await connect(dialect.address(0, 1), partial(Elsewhere, dialect, crossings))
        here = await connect(dialect.address(0, 0), partial(Here, dialect, crossings))
        crossings.begin(here)
        async with asyncio.timeout(scaled(30)):
            while len(crossings.since_said) < 5:
                await asyncio.sleep(0.01)
        crossings.author = None
        assert min(crossings.since_said) > 0
        assert len(crossings.since_said) == len(crossings.since_answered)
        assert 0 < site.cpu_seconds_of("postgres") < site.cpu_seconds()
        await disconnect_all([here, elsewhere])


@pytest.mark.anyio
async def test_next_is_said_when_the_last_was_both_answered_and_heard() -> None:
    """Whichever comes first; and nothing of before counts once it has begun to measure."""

    class Mute(Client):
        said = 0

        def publish(self, body: str, number: int) -> None:
            self.said += 1

    author, crossings = Mute(Plain("ws://nowhere")), Crossings()
    crossings.begin(author)
    crossings.heard()
    assert author.said == 1
    crossings.answered()
    assert author.said == 2
    assert crossings.since_answered[0] <= 0 < crossings.since_said[0]
    crossings.forget()
    crossings.author = None
    crossings.answered()
    crossings.heard()
    assert (author.said, len(crossings.since_said)) == (2, 1)
    assert crossings.since_answered[0] >= 0


def test_members_connect_to_their_own_server() -> None:
    """With their own token, as at one server."""
    rooms = SpreadRooms(["a:1", "b:2"], [["t0", "t1"]], World(members=2, servers=2))
    assert rooms.address(0, 1).url == "ws://b:2/items/item-0/ws"
    assert rooms.address(0, 1).headers == {"Authorization": "Bearer t1"}


def test_message_of_a_transaction_has_a_ref() -> None:
    """By which it is answered."""
    said = json.loads(Refs("ws://a:1/rooms/{room}").publish(3, "hi", 7))
    assert said == {"ref": "m7", "body": "hi"}
