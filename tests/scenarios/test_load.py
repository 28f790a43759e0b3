"""Many authors in one room, many readers, some of them in and out: one log for all."""

import asyncio
import json
import random
import re
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest
from websockets.asyncio.client import connect

from tests.deadlines import scaled
from tests.process import Process
from tests.scenarios.frames import TEXT, client_frame, handshake
from tests.scenarios.oracle import Run, Sent, faults
from tests.scenarios.test_outside import AUDIENCE, ISSUER, SECRET, shop_token
from tests.security.forge import hs256
from tests.serving import Fields, Person

pytestmark = pytest.mark.anyio
AUTHORS, READERS, RESTLESS = 50, 20, 10
WINDOW = 20  # Messages of one author on their way at the same time.
OPEN: dict[str, Any] = {
    "issuer": ISSUER,
    "issuer_audience": AUDIENCE,
    "issuer_secret": SECRET,
    "publish_rate": 0,
    "connections_per_user": 0,
    "handshake_rate": 0,
    "presence_interval": 1.0,
    # Authors and listeners, which read what TCP brings, answer no ping.
    "ping_interval": 3600,
}


async def join(person: Person, query: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A TCP connection that has become a socket in the room."""
    port = urlsplit(person.server.url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(handshake(f"/items/room/ws?token={person.token}&{query}"))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    return reader, writer


# Authors hear everything, too: found in what TCP brings, since taking 500 000 frames apart in
# Python would measure the test.
ACK = re.compile(rb'\{"type":"ack","seq":([0-9]+),"at":"[^"]*","ref":"([^"]+)"\}')
LONGEST_ACK = 200
ENTRY = re.compile(
    rb'\{"type":"message","seq":([0-9]+),"at":"[^"]*","by":\{[^}]*\},'
    rb'"ref":"[^"]*","body":"([^"]*)"\}'
)
LONGEST_ENTRY = 400


@dataclass
class Author:
    """Publishes with a window, and notes what the acks say."""

    name: str
    person: Person
    count: int
    sent: dict[str, Sent] = field(default_factory=dict)

    async def run(self) -> None:
        reader, writer = await join(self.person, "tail=0")
        window = asyncio.Semaphore(WINDOW)
        acks = asyncio.create_task(self._take_acks(reader, window))
        for number in range(self.count):
            await window.acquire()
            ref = f"{self.name}-{number}"
            self.sent[ref] = Sent(ref, ref, None, time.monotonic())
            writer.write(
                client_frame(TEXT, orjson.dumps({"type": "publish", "ref": ref, "body": ref}))
            )
        await acks
        writer.close()
        await writer.wait_closed()

    async def _take_acks(self, reader: asyncio.StreamReader, window: asyncio.Semaphore) -> None:
        acked, rest = 0, b""
        while acked < self.count:
            data = await reader.read(1 << 18)
            assert data, "the server hung up"
            rest += data
            end = max(0, len(rest) - LONGEST_ACK)
            for match in ACK.finditer(rest):
                sent = self.sent[match[2].decode()]
                self.sent[sent.ref] = replace(sent, seq=int(match[1]), done=time.monotonic())
                end = max(end, match.end())
                acked += 1
                window.release()
            rest = rest[end:]


@dataclass
class Listener:
    """Stays connected, and takes entries right out of the stream."""

    person: Person
    seen: list[tuple[int, object]] = field(default_factory=list)

    async def run(self, last: int) -> None:
        reader, writer = await join(self.person, "after=0")
        rest = b""
        while not self.seen or self.seen[-1][0] < last:
            data = await reader.read(1 << 18)
            assert data, "the server hung up"
            rest += data
            end = max(0, len(rest) - LONGEST_ENTRY)
            for match in ENTRY.finditer(rest):
                self.seen.append((int(match[1]), match[2].decode()))
                end = max(end, match.end())
            rest = rest[end:]
        writer.close()
        await writer.wait_closed()


@dataclass
class Reader:
    """Comes and goes, and resumes where it was."""

    person: Person
    dice: random.Random
    patience: int
    """Entries after which it has left at the latest."""
    seen: list[tuple[int, object]] = field(default_factory=list)

    async def run(self, last: int) -> None:
        while self._cursor < last:
            await self._connect(last)

    @property
    def _cursor(self) -> int:
        return self.seen[-1][0] if self.seen else 0

    async def _connect(self, last: int) -> None:
        leave_after = self.dice.randrange(1, self.patience)
        url = self.person.server.room_url("room", token=self.person.token, after=self._cursor)
        async with connect(url, proxy=None, compression=None, max_queue=None) as socket:
            assert json.loads(await socket.recv())["recovered"] is True
            for _ in range(leave_after):
                while (entry := entry_of(await socket.recv(decode=False))) is None:
                    pass
                self.seen.append(entry)
                if self._cursor >= last:
                    return
            # Cut, as a phone in a tunnel: whatever is on its way is lost.
            socket.transport.abort()


def entry_of(text: bytes) -> tuple[int, object] | None:
    """Seq and body of an entry's frame."""
    if not text.startswith((b'{"type":"message"', b'{"type":"member"')):
        return None
    fields: Fields = json.loads(text)
    return fields["seq"], fields.get("body")


@pytest.mark.parametrize("messages", [50, pytest.param(200, marks=pytest.mark.torture)])
async def test_every_reader_sees_the_log(tmp_path: Path, messages: int) -> None:
    """50 authors of so many messages, 20 readers, 10 of whom reconnect at random with `after`."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    with Process(tmp_path, **OPEN) as server:
        ada = server.person("ada")
        ada.create("room")
        last = AUTHORS * messages
        authors = [
            Author(name, somebody(server, name), messages) for name in names("author", AUTHORS)
        ]
        readers: list[Reader | Listener] = [
            *(
                Reader(ada, random.Random(f"{seed} {name}"), last // 3)
                for name in names("restless", RESTLESS)
            ),
            *(Listener(ada) for _ in range(READERS - RESTLESS)),
        ]
        async with asyncio.timeout(scaled(60)), asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.run(last))
            for author in authors:
                group.create_task(author.run())
        log = read_log(ada)
    sent = [sent for author in authors for sent in author.sent.values()]
    seen = {f"reader {number}": reader.seen for number, reader in enumerate(readers)}
    assert faults(Run(log, sent, seen)) == []
    assert [seq for seq, _, _ in log] == list(range(1, last + 1))
    assert all(message.seq is not None for message in sent)
    assert all(len(reader.seen) == last for reader in readers)
    assert "ERROR" not in server.log


def names(kind: str, count: int) -> list[str]:
    return [f"{kind}-{number}" for number in range(count)]


def somebody(server: Process, name: str) -> Person:
    """A writer in the room by the word of an outside issuer, which spares a password each."""
    head: dict[str, object] = {"alg": "HS256", "typ": "JWT"}
    token = shop_token(head, hs256(SECRET.encode()), name, items={"room": "writer"})
    return Person(server, name, "", token)


def read_log(person: Person, item: str = "room") -> list[tuple[int, str | None, object]]:
    """The whole log by REST, page by page."""
    log: list[tuple[int, str | None, object]] = []
    while True:
        query = {"after": log[-1][0] if log else 0, "limit": 500}
        page = person.call("GET", f"/items/{item}/log", params=query).json()
        log += [(entry["seq"], entry.get("ref"), entry.get("body")) for entry in page["entries"]]
        if not page["entries"] or log[-1][0] == page["head"]:
            return log
