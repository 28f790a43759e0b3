"""A message in the making through kills of its server and of its author, judged by its readers."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from asyncio.subprocess import Process as Program
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from itemroom import Client, Room
from tests.deadlines import scaled
from tests.process import Process
from tests.programs.waiting import free_port
from tests.serving import Person
from tests.streams.author import RATE, tokens

pytestmark = pytest.mark.anyio


OPEN: dict[str, Any] = {
    "measured": False,
    "handshake_rate": 0,
    "connections_per_user": 0,
    "stream_silence": 60,
}


class Crowd(NamedTuple):
    """How many read, and how."""

    early: int
    slow: int
    dropping: int
    late: int
    """Some when the author was killed, some when the server was, some near the end."""

    @property
    def size(self) -> int:
        """All of them."""
        return sum(self)


FEW = Crowd(early=1, slow=1, dropping=2, late=3)
MANY = Crowd(early=25, slow=5, dropping=10, late=10)


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
        self.shown = 0

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
                    self.shown += 1
                    await asyncio.sleep(pause)
            finally:
                if dropping is not None:
                    dropping.cancel()


@dataclass
class Audience:
    """All who read one message."""

    person: Person
    whole: str
    seq: int
    group: asyncio.TaskGroup
    dice: random.Random
    readers: list[Reader] = field(default_factory=list)

    def enter(self, count: int, *, pause: float = 0, drops: bool = False) -> None:
        """So many more of a kind, as `Reader.read` has them."""
        for _ in range(count):
            reader = Reader(self.person, self.whole)
            chance = random.Random(self.dice.random()) if drops else None
            self.group.create_task(reader.read(self.seq, pause=pause, drops=chance))
            self.readers.append(reader)

    def __str__(self) -> str:
        shown = [one.shown for one in self.readers]
        return f"{len(self.whole)} characters, {len(shown)} readers, shown {sum(shown)} times"


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


def killed(server: Process, folder: Path, settings: dict[str, Any]) -> Process:
    """The one that takes its place."""
    server.end(signal.SIGKILL)
    return Process(folder, **settings).__enter__()


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    ("seconds", "crowd"), [(4, FEW), pytest.param(60, MANY, marks=pytest.mark.torture)]
)
async def test_every_reader_ends_with_exactly_the_text(
    tmp_path: Path, seconds: int, crowd: Crowd
) -> None:
    """Who was there, who came late, who was cut off, who is slow; nothing acknowledged is lost."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    count = seconds * RATE
    whole = "".join(tokens(seed, count))
    settings = OPEN | {"port": free_port()}
    server = Process(tmp_path, **settings).__enter__()
    try:
        ada = await asyncio.to_thread(server.person, "ada")
        ada.create("order-17")
        author = Author(ada, seed, count)
        async with asyncio.timeout(scaled(seconds + 90)), asyncio.TaskGroup() as group:
            writing = group.create_task(author.write())
            await _until(lambda: author.seq is not None)
            seq = author.seq
            assert seq is not None
            audience = Audience(ada, whole, seq, group, dice)
            audience.enter(crowd.early)
            audience.enter(crowd.slow, pause=0.3)
            audience.enter(crowd.dropping, drops=True)
            await _until(lambda: author.stored > len(whole) // 4)
            audience.enter(crowd.late // 3)
            author.kill()
            await writing
            assert author.stored <= await asyncio.to_thread(_length, ada, seq)
            writing = group.create_task(author.write())
            await _until(lambda: author.stored > len(whole) // 2)
            server = await asyncio.to_thread(killed, server, tmp_path, settings)
            assert author.stored <= await asyncio.to_thread(_length, ada, seq)
            audience.enter(crowd.late // 3)
            await _until(lambda: author.stored > len(whole) * 3 // 4)
            audience.enter(crowd.size - len(audience.readers))
        assert [one.text == whole for one in audience.readers] == [True] * crowd.size
        print(audience)
        await asyncio.to_thread(_check_log, ada, seq, whole)
    finally:
        await asyncio.to_thread(server.__exit__)
