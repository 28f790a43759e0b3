"""People who write and read on, whatever becomes of the servers, and remember all of it.

What was not answered is tried again under its ref. What is not to happen to them (a refusal that
nobody has asked for, a log that is not the one from before) they note as a fault.
"""

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from api.errors import CODES
from tests.clients.drivers import Client, Rejected
from tests.scenarios.oracle import Sent
from tests.serving import Fields, Person

GONE = (ConnectionClosed, InvalidHandshake, OSError, EOFError, TimeoutError)
ENTRIES = {"message", "edit", "delete", "reaction", "member", "item"}
# Messages of one author on their way; seconds until the next one, at most, and the next trial.
WINDOW = 5
LONGEST_PAUSE = 0.15
AGAIN = 0.1
# The share of what guests say that are reactions.
REACTIONS = 0.2
# Seconds for a call of REST: a server that is frozen is given up.
CALL = 2.0


def is_passing(code: str) -> bool:
    """Whether a refusal says that it is a matter of time; a bug is none."""
    return CODES[code].retry == "later" and code != "internal"


@dataclass
class Talker:
    """Whoever publishes. `more`: whether there is anything new to say; `writes`: ever."""

    name: str
    person: Person
    item: str
    dice: random.Random
    more: bool = True
    writes: bool = True
    sent: dict[str, Sent] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    acked: int = 0

    def next(self) -> Sent:
        """Something new to be said."""
        ref = f"{self.name}-{len(self.sent)}"
        self.sent[ref] = Sent(ref, f"body of {ref}", None, time.monotonic())
        return self.sent[ref]

    def answered(self, ref: str, seq: int) -> None:
        """It was stored there, as they say."""
        sent = self.sent[ref]
        if sent.seq is None:
            self.acked += 1
            self.sent[ref] = replace(sent, seq=seq, done=time.monotonic())
        elif sent.seq != seq:
            self.fault(f"was told of {ref} that it is {sent.seq}, and {seq}")

    def unanswered(self) -> list[Sent]:
        return [sent for sent in self.sent.values() if sent.seq is None]

    def fault(self, what: str) -> None:
        self.faults.append(f"{self.name} {what}")

    async def pause(self) -> None:
        await asyncio.sleep(self.dice.uniform(0, LONGEST_PAUSE))


@dataclass
class Caller(Talker):
    """Publishes by REST, one message after the other."""

    async def run(self) -> None:
        """Until everything is answered, and there is no more."""
        headers = {"Authorization": f"Bearer {self.person.token}"}
        url = self.person.server.url
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=CALL) as client:
            while self.more:
                await self._publish(client, self.next())
                await self.pause()

    async def _publish(self, client: httpx2.AsyncClient, sent: Sent) -> None:
        while self.sent[sent.ref].seq is None:
            body = {"ref": sent.ref, "body": sent.body}
            with suppress(httpx2.TransportError):
                answer = await client.post(f"/items/{self.item}/messages", json=body)
                if answer.is_success:
                    self.answered(sent.ref, answer.json()["seq"])
                    return
                if not is_passing(answer.json()["code"]):
                    self.fault(f"was refused by REST: {answer.text}")
                    return
            await asyncio.sleep(AGAIN)


@dataclass
class Visit:
    """One connection: the log's head when it began, and the entries that came."""

    head: int
    entries: list[Fields] = field(default_factory=list)


@dataclass
class Guest(Talker):
    """Is in the room by a socket, again and again, and resumes where it was."""

    may_be_refused: frozenset[str] = frozenset()
    """Codes that somebody else's acts have for it."""
    begins: Fields = field(default_factory=lambda: {"after": 0})
    """Where: as the first connection's address says it."""
    visits: list[Visit] = field(default_factory=list)
    epoch: str = ""
    cursor: int = 0
    _refused: list[str] = field(default_factory=list)
    _targets: dict[str, int] = field(default_factory=dict)
    """What was reacted to, by ref."""

    def next(self) -> Sent:
        """Now and then a reaction, which takes another way to the disk than messages do."""
        stored = [sent.seq for sent in self.sent.values() if sent.body is not None and sent.seq]
        if not stored or self.dice.random() > REACTIONS:
            return super().next()
        ref = f"{self.name}-{len(self.sent)}"
        self.sent[ref] = Sent(ref, None, None, time.monotonic())
        self._targets[ref] = stored[-1]
        return self.sent[ref]

    def seen(self) -> list[Fields]:
        """All that came, in the order in which it did."""
        return [entry for visit in self.visits for entry in visit.entries]

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            try:
                await self._visit()
            except InvalidStatus as denial:
                self._judge(json.loads(denial.response.body or b"{}").get("code", "internal"))
            except ConnectionClosed as closed:
                if closed.rcvd is not None:
                    self._judge(closed.rcvd.reason)
            except GONE:
                pass
            await asyncio.sleep(AGAIN)

    def _judge(self, code: str) -> None:
        if code not in self.may_be_refused and not is_passing(code):
            self.fault(f"was sent away: {code}")

    async def _visit(self) -> None:
        place: Fields = {"after": self.cursor, "epoch": self.epoch} if self.epoch else self.begins
        url = self.person.server.room_url(self.item, token=self.person.token, **place)
        async with connect(url, proxy=None, compression=None, max_queue=None) as socket:
            # Whoever cannot be let in is told so by a socket that closes.
            while (first := json.loads(await socket.recv()))["type"] != "welcome":
                pass
            self._welcome(first)
            publisher = asyncio.create_task(self._publish(socket) if self.writes else _rest())
            try:
                while True:
                    self._note(json.loads(await socket.recv(decode=False)))
            finally:
                publisher.cancel()
                await asyncio.gather(publisher, return_exceptions=True)

    def _welcome(self, welcome: Fields) -> None:
        if not self.epoch:
            self.cursor = welcome["after"]
        elif (welcome["recovered"], welcome["after"]) != (True, self.cursor):
            self.fault(f"was at {self.cursor}, and welcomed at {welcome['after']}")
        self.epoch = welcome["epoch"]
        self.visits.append(Visit(welcome["head"]))

    async def _publish(self, socket: ClientConnection) -> None:
        self._refused = [sent.ref for sent in self.unanswered()]
        while True:
            if self._refused:
                again, self._refused = self._refused, []
                for ref in again:
                    await self._send(socket, self.sent[ref])
                await asyncio.sleep(AGAIN)
            elif self.more and len(self.unanswered()) < WINDOW:
                await self._send(socket, self.next())
            await self.pause()

    async def _send(self, socket: ClientConnection, sent: Sent) -> None:
        what: Fields = {"type": "publish", "body": sent.body}
        if target := self._targets.get(sent.ref):
            what = {"type": "react", "target": target, "value": sent.ref, "on": True}
        await socket.send(json.dumps(what | {"ref": sent.ref}))

    def _note(self, frame: Fields) -> None:
        if frame["type"] in ENTRIES:
            self.visits[-1].entries.append(frame)
            self.cursor = frame["seq"]
        elif frame["type"] == "ack":
            self.answered(frame["ref"], frame["seq"])
        elif frame["type"] == "error":
            self._judge(frame["code"])
            self._refused.append(frame["ref"])


async def _rest() -> None:
    """Somebody who only reads has nothing to do."""


@dataclass
class Player(Talker):
    """One of our own clients, as an application uses it: a refusal is the application's to see."""

    async def run(self, client: Client) -> None:
        """Until everything is answered, and there is no more."""
        while self.more:
            await self._publish(client, self.next())
            await self.pause()

    async def _publish(self, client: Client, sent: Sent) -> None:
        while True:
            client.answers.pop(sent.ref, None)
            try:
                self.answered(sent.ref, await client.do("publish", sent.ref, body=sent.body))
                return
            except Rejected as rejected:
                if not is_passing(str(rejected)):
                    self.fault(f"was refused: {rejected}")
                    return
            await asyncio.sleep(AGAIN)
