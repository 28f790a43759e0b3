"""Connections in process: the real hub, writer and readers, and sockets that only record.

News of commits and answers of reads can be held back, to set up each race on purpose.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Literal, cast

import orjson
from sqlalchemy import delete, update
from sqlmodel import col

from api.errors import Refusal
from api.history.commands import Call
from api.history.commits import Commits
from api.history.entries import Kind
from api.history.events import ItemDeleted, MemberChanged
from api.history.extent import Extent
from api.history.messages import author_of
from api.history.transaction import Transaction
from api.history.writer import Writer
from api.live.codecs import DEFAULT_CODEC
from api.live.encoding import Codec
from api.live.expiry import Expiries
from api.live.hub import Hub, Moment
from api.live.item_connection import ItemConnection
from api.live.opening import Arrival, Beginning, Opening, read_arrival
from api.live.seat import Seat
from api.live.services import Services
from api.live.sockets import Sockets
from api.metrics import Metrics
from api.models import Membership
from api.rights.access import Access, Principal, Role
from api.settings import Settings
from api.store.store import store_of
from tests.databases import execute
from tests.deadlines import scaled
from tests.live.fakes import FakeSocket, Fields, NoInboxes
from tests.live.held import HeldReaders, News
from tests.stores import Store

FROM_START = Beginning(after=0, epoch=None, tail=0)
NEWEST = Beginning(after=None, epoch=None, tail=0)


class World(Store):
    """One item, "doc", with Ada and Bob as writers, Eve as reader and Root as admin."""

    key: int

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.readers.close()
        self.readers = self.held = HeldReaders(settings)
        self.metrics = Metrics()
        self.sockets = Sockets()
        self.hub = Hub(
            recent_entries=settings.recent_entries,
            presence_grace=settings.presence_grace,
            presence_interval=settings.presence_interval,
        )
        self.news = News()
        commits = Commits()
        commits.listen(self.hub.committed)
        self.writer = Writer(
            self.engine,
            commits,
            self.observe,
            max_queue=settings.writer_queue,
            max_batch=settings.writer_batch,
            patience=self.hub.patience,
        )
        self.people: dict[str, Principal] = {}

    async def begin(self) -> None:
        self.writer.start(cast(asyncio.AbstractEventLoop, self.news))
        roles = {"ada": Role.WRITER, "bob": Role.WRITER, "eve": Role.READER, "root": Role.ADMIN}
        self.people = {name: await self.user(name) for name in roles}
        self.key = await self.item("doc", roles, title="The book")

    async def finish(self) -> None:
        self.held.release()
        self.news.release()
        for guest in self.hub.guests:
            guest.end("restart")
        await asyncio.to_thread(self.writer.finish)
        await asyncio.to_thread(self.readers.close)
        self.hub.close()
        self.engine.dispose()

    async def enter(self, name: str = "ada", beginning: Beginning = NEWEST, **how: Any) -> "Talker":
        """Somebody comes in; `how` as `Talker`."""
        principal = how.pop("principal", self.people[name])
        talker = Talker(self, await self.access(principal, "doc"), **how)
        talker.opens(beginning)
        return talker

    async def arrive(self, name: str = "ada", beginning: Beginning = NEWEST) -> Arrival:
        """Somebody at the door, as admission reads it."""
        principal = self.people[name]
        moment = self.hub.moment
        access, opening = await self.readers.read(
            read_arrival, lambda _: principal, "doc", beginning
        )
        return Arrival(access, beginning, opening, moment)

    async def live(self, name: str = "ada", beginning: Beginning = NEWEST, **how: Any) -> "Talker":
        """Somebody who has come in and caught up."""
        talker = await self.enter(name, beginning, **how)
        await talker.hears("live")
        return talker

    async def fill(self, count: int) -> None:
        """So many messages of Ada's."""
        access = await self.access(self.people["ada"], "doc")
        for number in range(count):
            await self.publish(access, b"%d" % number)

    def send_off(self, act: Callable[[Transaction], object]) -> None:
        """Have the writer do something, without waiting for it."""
        self.writer.submit(Call(act), lambda *_: None)

    async def on_disk(self, head: int) -> None:
        """Wait until the log has reached a seq, whatever the event loop has heard of."""
        engine = store_of(self.settings).look()

        def found() -> int:
            with engine.connect() as connection:
                return int(execute(connection, "SELECT head FROM item WHERE id = 'doc'")[0][0])

        await until(lambda: found() >= head)
        engine.dispose()

    def say(self, name: str, text: str) -> Callable[[Transaction], object]:
        """A message, as an act of the writer."""

        def act(tx: Transaction) -> None:
            author = author_of(self.people[name])
            tx.append(self.key, Kind.MESSAGE, author, body=orjson.dumps(text))

        return act

    def set_role(self, name: str, role: Role | None) -> Callable[[Transaction], object]:
        """A change of somebody's membership, with its entry, as an act of the writer."""

        def act(tx: Transaction) -> None:
            user = self.people[name]
            here = (
                col(Membership.item_key) == self.key,
                col(Membership.user_key) == user.user_key,
            )
            if role is None:
                tx.connection.execute(delete(Membership).where(*here))
            else:
                tx.connection.execute(update(Membership).where(*here).values(role=role))
            body = orjson.dumps({"user": user.public, "role": role})
            tx.append(self.key, Kind.MEMBER, author_of(self.people["root"]), body=body)
            tx.emit(MemberChanged(self.key, user.user_key, role))

        return act

    def delete_item(self, tx: Transaction) -> None:
        """The end of the item, as an act of the writer."""
        tx.connection.exec_driver_sql("UPDATE item SET deleted_at = 1 WHERE id = 'doc'")
        tx.emit(ItemDeleted(self.key))


class Talker:
    """One client: what it says goes straight to its connection, what it hears is recorded.

    Args:
        changes: of the settings, for this client alone.
        make: the kind of connection.
    """

    def __init__(
        self,
        world: World,
        access: Access,
        *,
        codec: Codec = DEFAULT_CODEC,
        make: type[ItemConnection] = ItemConnection,
        tokens: dict[str, Principal] | None = None,
        **changes: object,
    ) -> None:
        self.socket = FakeSocket()
        self.codec = codec
        self.tokens = tokens or {}
        self.verified = asyncio.Event()
        self.verified.set()
        self.access = access
        settings = world.settings.model_copy(update=changes)
        self.services = Services(
            hub=world.hub,
            readers=world.readers,
            writer=world.writer,
            desk=world.writer,
            metrics=world.metrics,
            settings=settings,
            sockets=world.sockets,
            expiries=Expiries(notice=settings.expiry_notice),
            rulings=Expiries(notice=1),
            inboxes=NoInboxes(world.readers),
            identify=self._authenticate,
        )
        self.connection = make(self.services, self.socket, codec, access.principal)

    @property
    def seat(self) -> Seat:
        """Its place in the room, while it has one."""
        (seat,) = self.connection.seats
        return seat

    def opens(self, beginning: Beginning) -> None:
        """Come in with an answer that is out of date: the connection has to look for itself."""
        opening = Opening(self.access.standing, Extent(0, 1, "stale"), 0, recovered=True)
        arrival = Arrival(self.access, beginning, opening, Moment(rights=-1, commits=-1))
        self.connection.open(arrival)

    async def _authenticate(self, token: str) -> Principal:
        await self.verified.wait()
        if token == "broken":
            raise RuntimeError("the key store fell over")
        if token not in self.tokens:
            raise Refusal("auth_invalid")
        return self.tokens[token]

    def says(self, type_: str, **fields: object) -> None:
        """One JSON frame."""
        self.sends(orjson.dumps({"type": type_, **fields}))

    def sends(self, data: bytes, *, is_text: bool = True) -> None:
        """Any bytes."""
        self.connection.received(data, is_text=is_text)

    def leaves(self) -> None:
        """The socket is gone."""
        self.connection.lost()

    async def hears(self, *types: str, count: int = 1) -> Fields:
        """Wait for frames of some types; the last of them."""
        await until(lambda: len(self.socket.said_of(*types)) >= count)
        return self.socket.said_of(*types)[-1]

    async def hears_entries(self, head: int) -> list[int]:
        """Wait for an entry; the seqs of all so far."""
        await until(lambda: head in self.socket.seqs)
        return self.socket.seqs

    async def is_closed(self) -> Fields:
        """Wait for the end; the `closing` frame, which must be the last."""
        await until(lambda: self.socket.closed is not None)
        closing = self.socket.said[-1]
        assert closing["type"] == "closing"
        assert self.socket.closed == (closing["code"], closing["reason"])
        return closing

    @property
    def types(self) -> list[str]:
        return [fields["type"] for fields in self.socket.said]

    def moves(self, which: Literal["join", "leave"]) -> set[str]:
        """Who has been said to have come or gone."""
        frames = self.socket.said_of("presence")
        return {user["name"] for fields in frames for user in fields.get(which, ())}

    def publishes(self, text: str, ref: str) -> None:
        self.says("publish", body=text, ref=ref)

    async def answer(self, ref: str) -> Fields:
        """Wait for the ack or the error of a command."""

        def answers() -> list[Fields]:
            said = self.socket.said_of("ack", "error")
            return [fields for fields in said if fields.get("ref") == ref]

        await until(lambda: answers() != [])
        return answers()[0]


async def until(holds: Callable[[], object], *, seconds: float = 10) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(scaled(seconds)):
        while not holds():
            await asyncio.sleep(0.001)


async def settled(world: World) -> None:
    """Everything that was on its way has arrived: the writer's queue, its news, reads."""
    await world.writer.call(lambda _: None)
    await world.readers.read(lambda _: None)
    for _ in range(5):
        await asyncio.sleep(0)
