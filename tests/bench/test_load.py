"""The load against a real server of its own kind: rooms that are filled, counted and timed."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from bench.load.answers import Answers, Author
from bench.load.connections import Client, RefusedError, connect, connect_all, disconnect_all
from bench.load.dialect import Address
from bench.load.flood import Flood, run
from bench.load.growing import Text, begin_texts, speak
from bench.load.resuming import come_back
from bench.load.room import Receiver, Tally
from bench.machine import cores
from bench.peers.itemroom import Edits, Itemroom, Rooms
from bench.peers.peer import World, started
from bench.scenarios.floods import IN_ROOMS, handshake
from tests.deadlines import scaled

pytestmark = pytest.mark.anyio


@pytest.mark.sqlite  # The world that is filled for it is a file.
async def test_load_meets_itemroom_and_counts_every_delivery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One server for the whole story: receivers, an ack, texts that grow, a resume, a refusal."""
    monkeypatch.setattr("bench.peers.install.PEERS", tmp_path / "peers")
    folder = tmp_path / "served"
    folder.mkdir()
    world = World(rooms=2, members=4, logs=(30, 0))
    with started(Itemroom(), world, folder, core=cores().server) as site:
        rooms = site.dialect
        assert isinstance(rooms, Rooms)
        await _fan_out(rooms)
        await _answers(rooms)
        back, refusals = await come_back(rooms.room_address(0, 0, after=10), rooms)
        assert (back.entries, refusals) == (20, 0)
        await disconnect_all([back])
        for words in (rooms, Edits(rooms.site, rooms.tokens)):
            await _texts_grow(words)
        await _floods(rooms, site.port)
        nobody = Address(rooms.room_address(0, 0).url)
        with pytest.raises(RefusedError, match="auth_missing"):
            await connect(nobody, partial(Client, rooms))


async def _floods(rooms: Rooms, port: int) -> None:
    firsts = [handshake(rooms.tokens[0][member]) for member in range(2)]
    flood = Flood(port, scaled(30), firsts, IN_ROOMS["pings"][1], answered=True)
    outcome = await asyncio.to_thread(run, flood)
    assert outcome.told == len(outcome.cut_seconds) == 2
    assert outcome.sent_bytes > 0


async def _fan_out(rooms: Rooms) -> None:
    tally = Tally(3)
    addresses = [rooms.address(1, member) for member in range(3)]
    receivers = await connect_all(addresses, partial(Receiver, rooms, tally, 128), concurrent=2)
    author = await connect(rooms.address(1, 3, publishes=True), partial(Client, rooms))
    tally.begin(author, "x" * 128, 4)
    async with asyncio.timeout(scaled(30)):
        while tally.count < 60:
            await asyncio.sleep(0.01)
    await tally.stop()
    assert tally.count % 3 == 0
    await disconnect_all([*receivers, author])


async def _texts_grow(rooms: Rooms) -> None:
    speakers, readers = await begin_texts(rooms, range(2))
    await speak(speakers, 100, 5)
    texts = [reader.text for reader in readers]
    async with asyncio.timeout(scaled(30)):
        while any(len(text.heard_at) < 5 for text in texts):
            await asyncio.sleep(0.01)
    assert [text.whole for text in texts] == ["".join(f"{n:07} " for n in range(5))] * 2
    assert all(0 < wait < scaled(30) for text in texts for wait in text.waits(0, 0.0))
    await disconnect_all([*speakers, *readers])


async def _answers(rooms: Rooms) -> None:
    answers = Answers()
    author = await connect(rooms.address(1, 0), partial(Author, rooms, answers, "x" * 64))
    author.speak()
    async with asyncio.timeout(scaled(30)):
        while answers.count < 10:
            await asyncio.sleep(0.01)
    answers.going_on = False
    assert len(answers.seconds) == answers.count
    assert min(answers.seconds) > 0
    await disconnect_all([author])


def test_piece_that_nobody_has_heard_takes_until_the_end() -> None:
    """Who loses what it was given is not the faster for it."""
    text = Text()
    text.said_at.extend([1.0, 2.0, 3.0])
    text.heard_at.append(1.5)
    assert text.waits(0, 10.0) == [0.5, 8.0, 7.0]
    assert text.waits(2, 10.0) == [7.0]
