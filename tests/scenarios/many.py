"""A client of many items by one socket, which is cut, and a server that is killed."""

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.scenarios.oracle import Sent
from tests.serving import Fields, Person

GONE = (ConnectionClosed, InvalidHandshake, OSError, EOFError)
# Messages of one client on their way at the same time, over all items.
WINDOW = 20


@dataclass
class Joined:
    """What one client knows of one item."""

    after: int = 0
    epoch: str | None = None
    is_welcome: bool = False
    seen: list[tuple[int, object]] = field(default_factory=list)
    sent: dict[str, Sent] = field(default_factory=dict)

    @property
    def unanswered(self) -> list[Sent]:
        """What has no seq yet."""
        return [sent for sent in self.sent.values() if sent.seq is None]


@dataclass
class ManyItems:
    """Joins all, publishes anywhere, leaves and joins again, and is cut at random."""

    name: str
    items: dict[str, Joined]
    dice: random.Random
    cuts: int = 0
    connections: int = 0
    frames: int = 0

    async def run(self, person: Person, *, heads: dict[str, int] | None = None) -> None:
        """Until the server is gone; with `heads` until all is answered and known up to there."""
        while not self._has(heads):
            url = f"{person.server.ws_url}/ws?token={person.token}"
            try:
                async with connect(url, proxy=None, compression=None, max_queue=None) as socket:
                    self.connections += 1
                    with suppress(ConnectionClosed):
                        await self._talk(socket, heads)
            except (InvalidHandshake, OSError):
                return

    def _has(self, heads: dict[str, int] | None) -> bool:
        if heads is None:
            return False
        return all(
            joined.after >= heads[item] and not joined.unanswered
            for item, joined in self.items.items()
        )

    async def _talk(self, socket: ClientConnection, heads: dict[str, int] | None) -> None:
        for item in self.items:
            await self._join(socket, item)
        publisher = asyncio.create_task(self._publish(socket)) if heads is None else None
        try:
            with suppress(*GONE):
                for _ in range(self.dice.randrange(50, 1500)):
                    if self._has(heads):
                        return
                    await self._hear(socket, json.loads(await socket.recv(decode=False)))
                self.cuts += 1
                # Cut, as a phone in a tunnel: whatever is on its way is lost.
                socket.transport.abort()
        finally:
            if publisher is not None:
                publisher.cancel()
                await asyncio.gather(publisher, return_exceptions=True)

    async def _join(self, socket: ClientConnection, item: str) -> None:
        joined = self.items[item]
        joined.is_welcome = False
        cursor: Fields = {"after": joined.after}
        if joined.epoch is not None:
            cursor["epoch"] = joined.epoch
        await say(socket, "join", item, **cursor)

    async def _publish(self, socket: ClientConnection) -> None:
        with suppress(*GONE):
            while True:
                item = self.dice.choice(list(self.items))
                joined = self.items[item]
                if not joined.is_welcome or self._unanswered >= WINDOW:
                    await asyncio.sleep(0.001)
                elif self.dice.random() < 0.02:
                    joined.is_welcome = False
                    await say(socket, "leave", item)
                else:
                    ref = f"{self.name}-{len(joined.sent)}"
                    sent = Sent(ref, f"{item} {ref}", None, time.monotonic())
                    joined.sent[ref] = sent
                    await say(socket, "publish", item, ref=ref, body=sent.body)
                    await asyncio.sleep(0)

    @property
    def _unanswered(self) -> int:
        return sum(len(joined.unanswered) for joined in self.items.values())

    async def _hear(self, socket: ClientConnection, frame: Fields) -> None:
        self.frames += 1
        kind, item = frame["type"], frame.get("item")
        if item is None:
            assert kind in {"hello", "closing"}, frame
            return
        joined = self.items[item["id"] if isinstance(item, dict) else item]
        match kind:
            case "welcome":
                assert frame["recovered"], frame
                joined.epoch, joined.is_welcome = frame["epoch"], True
                # What was never answered, under its ref: the retry gives the same seq.
                for sent in joined.unanswered:
                    await say(socket, "publish", item["id"], ref=sent.ref, body=sent.body)
            case "message" | "member":
                joined.after = frame["seq"]
                joined.seen.append((frame["seq"], frame.get("body")))
            case "ack":
                sent = joined.sent[frame["ref"]]
                if sent.seq is None:
                    joined.sent[sent.ref] = replace(sent, seq=frame["seq"], done=time.monotonic())
                assert joined.sent[sent.ref].seq == frame["seq"], frame
            case "left":
                assert frame.get("reason") in {None, "restart"}, frame
                await self._join(socket, item)
            case "error":
                # Said when the item had just been left, and said again after the welcome.
                assert frame["code"] == "not_joined", frame


async def say(socket: ClientConnection, type_: str, item: str, **fields: object) -> None:
    """One frame."""
    await socket.send(json.dumps({"type": type_, "item": item, **fields}))
