"""`kill -9` under load, again and again: nothing that was acked is lost or there twice."""

import asyncio
import itertools
import json
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.deadlines import scaled
from tests.process import PYTHON, Process
from tests.scenarios.oracle import Run, Sent, faults
from tests.scenarios.test_load import entry_of, read_log
from tests.serving import Fields, Person

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]
AUTHORS, READERS, WINDOW = 8, 4, 10
OPEN = {"publish_rate": 0, "handshake_rate": 0, "connections_per_user": 0}
GONE = (ConnectionClosed, InvalidHandshake, OSError, EOFError)


@dataclass
class Author:
    """Publishes until the server dies, and tries again what was not acked, under the same ref."""

    name: str
    sent: dict[str, Sent] = field(default_factory=dict)
    repeats: int = 0

    async def run(self, person: Person, *, more: bool) -> None:
        """Until the connection ends; without `more` until everything is acked."""
        url = person.server.room_url("room", token=person.token, tail=0)
        with suppress(*GONE):
            async with connect(url, proxy=None, compression=None, max_queue=None) as socket:
                for sent in self._to_repeat():
                    await self._send(socket, sent)
                publisher = asyncio.create_task(self._publish(socket)) if more else None
                try:
                    while more or any(sent.seq is None for sent in self.sent.values()):
                        self._note(await socket.recv(decode=False))
                finally:
                    if publisher is not None:
                        publisher.cancel()
                        await asyncio.gather(publisher, return_exceptions=True)

    def _to_repeat(self) -> list[Sent]:
        """What was never answered, and one that was: its retry must give the same seq."""
        acked = [sent for sent in self.sent.values() if sent.seq is not None]
        return [sent for sent in self.sent.values() if sent.seq is None] + acked[-1:]

    async def _publish(self, socket: ClientConnection) -> None:
        for number in itertools.count(len(self.sent)):
            while sum(sent.seq is None for sent in list(self.sent.values())[-WINDOW:]) >= WINDOW:
                await asyncio.sleep(0.001)
            ref = f"{self.name}-{number}"
            self.sent[ref] = Sent(ref, f"body of {ref}", None, time.monotonic())
            await self._send(socket, self.sent[ref])

    async def _send(self, socket: ClientConnection, sent: Sent) -> None:
        await socket.send(json.dumps({"type": "publish", "ref": sent.ref, "body": sent.body}))

    def _note(self, text: bytes) -> None:
        if text.startswith(b'{"type":"message"'):
            return
        frame: Fields = json.loads(text)
        assert frame["type"] != "error", frame
        if frame["type"] != "ack":
            return
        sent = self.sent[frame["ref"]]
        if sent.seq is None:
            self.sent[sent.ref] = replace(sent, seq=frame["seq"], done=time.monotonic())
        else:
            assert (frame["seq"], frame["duplicate"]) == (sent.seq, True)
            self.repeats += 1


@dataclass
class Reader:
    """Follows the log over all lives of the server."""

    seen: list[tuple[int, object]] = field(default_factory=list)
    epoch: str = ""

    async def run(self, person: Person, last: int | None = None) -> None:
        """Until the connection ends, or up to an entry."""
        cursor = self.seen[-1][0] if self.seen else 0
        url = person.server.room_url("room", token=person.token, after=cursor, epoch=self.epoch)
        with suppress(*GONE):
            async with connect(url, proxy=None, compression=None, max_queue=None) as socket:
                welcome = json.loads(await socket.recv())
                assert (welcome["recovered"], welcome["after"]) == (True, cursor)
                self.epoch = welcome["epoch"]
                while last is None or not self.seen or self.seen[-1][0] < last:
                    if entry := entry_of(await socket.recv(decode=False)):
                        self.seen.append(entry)


class Piling(Process):
    """A server whose entries all wait for their places, and get there a hundred at a time."""

    prefix = (*PYTHON, str(Path(__file__).parent.parent / "piling.py"))


@pytest.mark.parametrize("kind", [Process, Piling])
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.torture)])
async def test_kills_lose_nothing_that_was_acked(
    tmp_path: Path, kills: int, kind: type[Process]
) -> None:
    """Each life ends at a random moment under load, the next one goes on from there."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    authors = [Author(f"a{number}") for number in range(AUTHORS)]
    readers = [Reader() for _ in range(READERS)]
    person: Person | None = None
    for life in range(kills):
        server = kind(tmp_path, measured=False, **OPEN)
        with server:
            person = someone(server, person)
            async with asyncio.timeout(scaled(20)), asyncio.TaskGroup() as group:
                for author in authors:
                    group.create_task(author.run(person, more=True))
                for reader in readers:
                    group.create_task(reader.run(person))
                await until_answered(authors, repeats=life)
                await asyncio.sleep(dice.uniform(0, 0.5))
                server.end(signal.SIGKILL)
    assert person is not None
    with kind(tmp_path, measured=False, **OPEN) as server:
        person = someone(server, person)
        async with asyncio.timeout(scaled(20)):
            await asyncio.gather(*(author.run(person, more=False) for author in authors))
            log = read_log(person)
            await asyncio.gather(*(reader.run(person, log[-1][0]) for reader in readers))
    check(log, authors, readers)
    assert sum(author.repeats for author in authors) >= kills - 1
    assert "ERROR" not in server.log


async def until_answered(authors: list[Author], *, repeats: int) -> None:
    """Under load: something was acked, and of what was acked in each life before, a repeat."""
    while sum(author.repeats for author in authors) < repeats or not any(
        sent.seq for author in authors for sent in author.sent.values()
    ):
        await asyncio.sleep(0.005)


def someone(server: Process, before: Person | None) -> Person:
    """The same person at the server's new address."""
    if before is not None:
        return replace(before, server=server)
    ada = server.person("ada")
    ada.create("room")
    return ada


def check(
    log: list[tuple[int, str | None, object]], authors: list[Author], readers: list[Reader]
) -> None:
    sent = [sent for author in authors for sent in author.sent.values()]
    seen = {f"reader {number}": reader.seen for number, reader in enumerate(readers)}
    assert faults(Run(log, sent, seen)) == []
    assert {sent.ref for sent in sent} == {ref for _, ref, _ in log if ref is not None}
    assert all(sent.seq is not None for sent in sent)
    assert all(len(reader.seen) == len(log) for reader in readers)
    print(f"{len(log)} entries, {sum(author.repeats for author in authors)} repeats")
