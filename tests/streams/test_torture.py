"""A message in the making through kills of its server and of its author, judged by its readers."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from asyncio.subprocess import Process as Program
from pathlib import Path
from typing import Any

import pytest

from itemroom import Client, Room
from tests.deadlines import scaled
from tests.process import Process
from tests.programs.waiting import free_port
from tests.serving import Person
from tests.streams.author import RATE, tokens

pytestmark = pytest.mark.anyio


class Author:
    """The process that writes, and what it knows to be stored."""

    def __init__(self, ada: Person, seed: int, count: int) -> None:
        self._arguments = (ada.server.url, ada.token, str(seed), str(count), str(time.time()))
        self._program: Program | None = None
        self.seq: int | None = None
        self.stored = 0

    async def write(self) -> None:
        """Write to the end of the text, or of the process."""
        self._program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.streams.author", *self._arguments, stdout=subprocess.PIPE
        )
        assert self._program.stdout is not None
        try:
            async for line in self._program.stdout:
                if line.startswith(b"seq"):
                    self.seq = int(line.split()[1])
                else:
                    self.stored = max(self.stored, int(line))
            assert await self._program.wait() in (0, -signal.SIGKILL)
        finally:
            if self._program.returncode is None:
                self._program.kill()

    def kill(self) -> None:
        """End it as a crash does."""
        assert self._program is not None
        self._program.kill()


class Reader:
    """Reads the text while it grows, and judges whatever it is shown."""

    def __init__(self, person: Person, whole: str) -> None:
        self._person = person
        self._whole = whole
        self.text = ""

    async def read(self, seq: int, *, pause: float = 0, drops: random.Random | None = None) -> None:
        """To the end of it.

        Args:
            seq: the message's.
            pause: seconds that each text takes to be read.
            drops: decides when the connection is lost.
        """
        options: dict[str, Any] = {"token": self._person.token, "after": 0}
        async with Room(self._person.server.url, item="order-17", **options) as room:
            dropping = asyncio.create_task(_drop(room, drops)) if drops else None
            try:
                async for text in room.text(seq):
                    assert self._whole.startswith(text), (self.text, text)
                    assert len(text) > len(self.text) or not text
                    self.text = text
                    await asyncio.sleep(pause)
            finally:
                if dropping is not None:
                    dropping.cancel()


async def _drop(room: Room, dice: random.Random) -> None:
    while True:
        await asyncio.sleep(dice.uniform(0.05, 0.5))
        room.reconnect()


async def _until(condition: Any) -> None:
    async with asyncio.timeout(scaled(60)):
        while not condition():
            await asyncio.sleep(0.01)


def _length(ada: Person, seq: int) -> int:
    with Client(ada.server.url, token=ada.token) as client:
        return client.message("order-17", seq)["length"]


def _check_log(ada: Person, seq: int, whole: str) -> None:
    with Client(ada.server.url, token=ada.token) as client:
        assert client.message("order-17", seq)["body"] == {"text": whole}
        (end,) = (one for one in client.log("order-17") if one.type == "finish")
        assert (end.state, end.body) == ("done", {"text": whole})


@pytest.mark.parametrize("seconds", [4, pytest.param(60, marks=pytest.mark.torture)])
async def test_every_reader_ends_with_exactly_the_text(tmp_path: Path, seconds: int) -> None:
    """Who was there, who came late, who was cut off, who is slow; nothing acknowledged is lost."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    count = seconds * RATE
    whole = "".join(tokens(seed, count))
    port = free_port()
    settings: dict[str, Any] = {"measured": False, "handshake_rate": 0, "stream_silence": 60}
    server = Process(tmp_path, port=port, **settings).__enter__()
    try:
        ada = await asyncio.to_thread(server.person, "ada")
        ada.create("order-17")
        author = Author(ada, seed, count)
        async with asyncio.timeout(scaled(seconds + 90)), asyncio.TaskGroup() as group:
            writing = group.create_task(author.write())
            await _until(lambda: author.seq is not None)
            seq = author.seq
            assert seq is not None
            readers = [Reader(ada, whole) for _ in range(7)]
            early, slow, *dropped = readers[:4]
            for reading in (
                early.read(seq),
                slow.read(seq, pause=0.3),
                *(one.read(seq, drops=random.Random(dice.random())) for one in dropped),
            ):
                group.create_task(reading)
            await _until(lambda: author.stored > len(whole) // 4)
            group.create_task(readers[4].read(seq))
            author.kill()
            await writing
            assert author.stored <= await asyncio.to_thread(_length, ada, seq)
            writing = group.create_task(author.write())
            await _until(lambda: author.stored > len(whole) // 2)
            server.end(signal.SIGKILL)
            server = Process(tmp_path, port=port, **settings)
            await asyncio.to_thread(server.__enter__)
            assert author.stored <= await asyncio.to_thread(_length, ada, seq)
            group.create_task(readers[5].read(seq))
            await _until(lambda: author.stored > len(whole) * 3 // 4)
            group.create_task(readers[6].read(seq))
        assert [reader.text == whole for reader in readers] == [True] * len(readers)
        await asyncio.to_thread(_check_log, ada, seq, whole)
    finally:
        await asyncio.to_thread(server.__exit__)
