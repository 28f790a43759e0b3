"""A client that was away for long: everything comes, in pages, and nobody else waits for it."""

import asyncio
import re
import time
from functools import partial
from urllib.parse import urlsplit

import pytest

from api.history.transaction import Transaction
from tests.conftest import Serve
from tests.databases import execute
from tests.deadlines import scaled
from tests.scenarios.frames import handshake
from tests.scenarios.server_side import write
from tests.serving import Person, Talk

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
ENTRIES = 100_000
SEQ = re.compile(rb'\{"type":"(?:message|member)","seq":([0-9]+),')
LONGEST_START = 100


def fill(item_id: str, tx: Transaction) -> None:
    """A long log, made by one statement: what is in it does not matter here."""
    execute(
        tx.connection,
        """
        INSERT INTO entry (item_key, seq, kind, author_key, at, body)
        WITH RECURSIVE number(n) AS (SELECT head + 1 FROM item WHERE id = ?
            UNION ALL SELECT n + 1 FROM number WHERE n < ?)
        SELECT i.key, n, 'message', (SELECT min(key) FROM "user"), 0, ?
        FROM number, item AS i WHERE i.id = ?
        """,
        *(item_id, ENTRIES, b'"old"', item_id),
    )
    execute(tx.connection, "UPDATE item SET head = ? WHERE id = ?", ENTRIES, item_id)


async def test_a_long_replay_is_whole_and_delays_nobody(serve: Serve) -> None:
    """100 000 entries to one client, while others talk in the same room and in another."""
    server = serve(publish_rate=0, ping_interval=3600)  # Who reads the replay answers no ping.
    ada, bob = server.person("ada"), server.person("bob")
    for item_id in ("room", "other"):
        ada.create(item_id, bob="writer")
    write(server, partial(fill, "room"))
    done = asyncio.Event()
    async with ada.room("room", tail=0) as here, ada.room("other", tail=0) as there:
        async with asyncio.timeout(scaled(40)), asyncio.TaskGroup() as group:
            replay = group.create_task(replay_all(bob, done))
            talks = [group.create_task(talk_until(talk, done)) for talk in (here, there)]
        assert here.seen[0]["head"] == ENTRIES
    seqs = replay.result()
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= ENTRIES
    for talk in talks:
        delays = talk.result()
        assert len(delays) >= 3, "too few messages to tell"
        assert max(delays) < scaled(2)


async def replay_all(person: Person, done: asyncio.Event) -> list[int]:
    """The seqs of all entries, from the first until the replay is over."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(person.server.url).port)
    writer.write(handshake(f"/items/room/ws?token={person.token}&after=0"))
    try:
        seqs = await seqs_until_live(reader)
    finally:
        done.set()
        writer.close()
        await writer.wait_closed()
    return seqs


async def seqs_until_live(reader: asyncio.StreamReader) -> list[int]:
    seqs: list[int] = []
    rest, is_over = b"", False
    while not is_over:
        data = await reader.read(1 << 18)
        assert data, "the server hung up"
        rest += data
        is_over = b'{"type":"live"' in rest  # Asked now: live entries may follow right behind it.
        end = max(0, len(rest) - LONGEST_START)
        for match in SEQ.finditer(rest):
            seqs.append(int(match[1]))
            end = max(end, match.end())
        rest = rest[end:]
        await asyncio.sleep(0)
    return seqs


async def talk_until(talk: Talk, done: asyncio.Event) -> list[float]:
    """Messages one after the other, heard by their author; seconds that each took."""
    delays = []
    while not done.is_set():
        began = time.monotonic()
        await talk.send("publish", body="now")
        assert (await talk.get("message", "error"))["type"] == "message"
        delays.append(time.monotonic() - began)
    return delays
