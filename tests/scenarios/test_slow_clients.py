"""A client that does not read, in a busy room: it harms itself alone, and misses nothing."""

import asyncio
import re

import pytest

from tests.conftest import Serve
from tests.scenarios.frames import CLOSE, TEXT, Raw, Stream, dial, handshake
from tests.scenarios.test_presence import moves, told
from tests.serving import Person, Talk, entries_until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]
SEQ = re.compile(rb'\{"type":"(?:message|member)","seq":([0-9]+),')
# More than the kernel buffers for a connection, on both sides together.
BODY, MESSAGES = "x" * 15_000, 600


async def test_a_stalled_reader_is_cut_and_catches_up(serve: Serve) -> None:
    """The others get everything meanwhile; what it missed it gets by resuming."""
    server = serve(stall_timeout=0.5, presence_grace=0, presence_interval=0.02, publish_rate=0)
    ada, bob, eve = (server.person(name) for name in ("ada", "bob", "eve"))
    ada.create("room", bob="reader", eve="writer")
    target = f"/items/room/ws?token={bob.token}&after=0"
    async with ada.room("room", tail=0) as hers, eve.room("room") as others:
        await hers.get("live")
        with dial(server.url, handshake(target), receive_buffer=4096) as stalled:
            assert stalled.stream.answer().status == 101
            await told(hers, bob, "join")
            seen = asyncio.create_task(entries_until(hers, MESSAGES + 2))
            last = await publish_much(others)
            assert [entry["seq"] for entry in await seen] == list(range(3, last + 1))
            while "leave" not in moves(hers, bob):
                await hers.next()
            got = await asyncio.to_thread(what_came, stalled)
    assert got == list(range(1, len(got) + 1))
    assert len(got) < last, "the kernel took everything"
    assert got + await resumed(bob, len(got), last) == list(range(1, last + 1))


async def publish_much(talk: Talk) -> int:
    """The seq of the last of many messages."""
    seq = 0
    for number in range(MESSAGES):
        ack = await talk.publish(BODY, ref=f"r{number}")
        seq = ack["seq"]
    return seq


def what_came(raw: Raw) -> list[int]:
    """The seqs of all whole entries that had reached the client when it was cut."""
    seqs: list[int] = []
    stream: Stream = raw.stream
    try:
        while True:
            opcode, payload = stream.frame()
            if opcode == CLOSE:
                return seqs
            match = SEQ.match(payload) if opcode == TEXT else None
            if match is not None:
                seqs.append(int(match[1]))
    except (EOFError, ConnectionResetError):
        return seqs


async def resumed(person: Person, after: int, last: int) -> list[int]:
    async with person.room("room", after=after) as talk:
        assert talk.welcome["recovered"] is True
        return [entry["seq"] for entry in await entries_until(talk, last)]
