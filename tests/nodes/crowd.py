"""People who write and read on, whatever becomes of the servers, and remember all of it.

What was not answered is tried again under its ref. What is not to happen to them (a refusal that
nobody has asked for, a log that is not the one from before) they note as a fault.
"""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from api.errors import CODES
from tests.clients.drivers import Client, Rejected
from tests.nodes.acts import Act, chosen
from tests.scenarios.oracle import Sent
from tests.serving import Fields, Person

GONE = (ConnectionClosed, InvalidHandshake, OSError, EOFError, TimeoutError)
ENTRIES = {"message", "edit", "delete", "reaction", "member", "item"}
# Messages of one author on their way; seconds until the next one, at most, and the next trial.
WINDOW = 5
LONGEST_PAUSE = 0.15
AGAIN = 0.1
# Seconds for a call of REST: a server that is frozen is given up.
CALL = 2.0


def is_passing(code: str) -> bool:
    """Whether a refusal says that it is a matter of time; a bug is none."""
    return CODES[code].retry == "later" and code != "internal"


@dataclass
class Talker:
    """Whoever publishes. `more`: whether there is anything new to say; `writes`: ever.

    Attributes:
        boards: the seqs of messages that were stored, of which this one changes those on the first.
        by_rest: whether it says so there, where deletions have no ref; it never reacts then.
        too_late: refs of what was refused since the message is not there any more.
    """

    name: str
    person: Person
    item: str
    dice: random.Random
    more: bool = True
    writes: bool = True
    boards: Sequence[list[int]] = field(default_factory=lambda: ([],))
    by_rest: bool = False
    sent: dict[str, Sent] = field(default_factory=dict)
    acts: dict[str, Act] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    too_late: set[str] = field(default_factory=set)
    acked: int = 0
    _standing: list[Act] = field(default_factory=list)
    """Reactions that are on."""

    def next(self) -> Sent:
        """Something new to be said, or done with what was said."""
        ref = f"{self.name}-{len(self.sent)}"
        standing = None if self.by_rest else self._standing
        act = self.acts[ref] = chosen(self.dice, ref, self.boards[0], standing)
        self.sent[ref] = Sent(ref, act.body, None, time.monotonic())
        return self.sent[ref]

    def answered(self, ref: str, seq: int) -> None:
        """It was stored there, as they say."""
        sent = self.sent[ref]
        if sent.seq is None:
            self.acked += 1
            self.sent[ref] = replace(sent, seq=seq, done=time.monotonic())
            self._remember(self.acts[ref], seq)
        elif sent.seq != seq:
            self.fault(f"was told of {ref} that it is {sent.seq}, and {seq}")

    def _remember(self, act: Act, seq: int) -> None:
        if act.kind == "publish":
            for board in self.boards:
                board.append(seq)
        elif act.kind == "react" and act.on:
            self._standing.append(act)

    def is_too_late(self, ref: str, code: str) -> bool:
        """Whether a refusal says that the message is gone, as somebody else may have wanted."""
        if code != "not_found" or self.acts[ref].target is None:
            return False
        self.acked += ref not in self.too_late
        self.too_late.add(ref)
        return True

    def acts_without_ref(self, ref: str) -> bool:
        """Whether the log will not have this ref, which it was told nothing of."""
        return self.by_rest and self.acts[ref].kind == "delete"

    def unanswered(self) -> list[Sent]:
        return [
            sent
            for sent in self.sent.values()
            if sent.seq is None and sent.ref not in self.too_late
        ]

    def fault(self, what: str) -> None:
        self.faults.append(f"{self.name} {what}")

    async def pause(self) -> None:
        await asyncio.sleep(self.dice.uniform(0, LONGEST_PAUSE))


@dataclass
class Caller(Talker):
    """Publishes by REST, one message after the other, and changes them."""

    by_rest: bool = True

    async def run(self) -> None:
        """Until everything is answered, and there is no more."""
        headers = {"Authorization": f"Bearer {self.person.token}"}
        url = self.person.server.url
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=CALL) as client:
            while self.more:
                await self._publish(client, self.next())
                await self.pause()

    async def _publish(self, client: httpx2.AsyncClient, sent: Sent) -> None:
        method, path, arguments = self.acts[sent.ref].call(self.item, sent.ref)
        while True:
            with suppress(httpx2.TransportError):
                answer = await client.request(method, path, **arguments)
                if answer.is_success:
                    self.answered(sent.ref, answer.json()["seq"])
                    return
                if self.is_too_late(sent.ref, answer.json()["code"]):
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
    reasons: set[str] = field(default_factory=set)
    """Codes with which it was sent away, or not let in."""
    _refused: list[str] = field(default_factory=list)

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
        self.reasons.add(code)
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
        act = self.acts[sent.ref]
        await socket.send(json.dumps({"type": act.kind, "ref": sent.ref} | act.fields))

    def _note(self, frame: Fields) -> None:
        if frame["type"] in ENTRIES:
            self.visits[-1].entries.append(frame)
            self.cursor = frame["seq"]
        elif frame["type"] == "ack":
            self.answered(frame["ref"], frame["seq"])
        elif frame["type"] == "error" and not self.is_too_late(frame["ref"], frame["code"]):
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
        act = self.acts[sent.ref]
        while True:
            client.answers.pop(sent.ref, None)
            try:
                self.answered(sent.ref, await client.do(act.kind, sent.ref, **act.fields))
                return
            except Rejected as rejected:
                if self.is_too_late(sent.ref, str(rejected)):
                    return
                if not is_passing(str(rejected)):
                    self.fault(f"was refused: {rejected}")
                    return
            await asyncio.sleep(AGAIN)
