"""Nodes in one process: each with a hub, a writer and a broker of its own, on one database."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from pydantic import SecretStr
from sqlalchemy import Connection

from api.history.messages import author_of
from api.live.hub import Hub
from api.nodes.aside import Aside
from api.nodes.broker import Broker
from api.nodes.company import Company
from api.nodes.joining import hearing_of
from api.nodes.reconcile import Reconciler
from api.nodes.registry import Registry
from api.nodes.roster import Identity
from api.nodes.telling import Telling
from api.nodes.watch import Watch
from api.rights.access import Access, Role
from api.settings import Settings
from tests.live.fakes import FakeMember, join
from tests.nodes.fakes import Ether, until
from tests.nodes.serving import SECRET
from tests.programs.postgresql import Cluster
from tests.stores import Store


class Node(Store):
    """One of them; it reconciles when it is told to, not by the clock."""

    def __init__(
        self, settings: Settings, broker: Broker, *, presence_interval: float = 60
    ) -> None:
        super().__init__(settings)
        self.broker = broker
        self.repairs: list[str] = []
        self.hub = Hub(recent_entries=8, presence_grace=0, presence_interval=presence_interval)
        self.commits.listen(self.hub.committed)
        self.commits.listen(Telling(broker).committed)
        sharing = self.store.sharing
        assert sharing is not None
        self.aside = Aside(sharing.open_aside())
        self.registry = Registry(self.aside, sharing, Identity(broker.boot, "node", "1", "s"))
        self.company = Company(
            self.hub, self.readers, self.aside, broker, registry=self.registry, boot=broker.boot
        )
        self.watch = Watch(
            self.hub,
            self.readers,
            self.writer,
            broker,
            self.company,
            page_max=4,
            repaired=self.repairs.append,
        )
        self.hub.lookout = self.watch
        self.lives_read = 0
        self.life: str | None = "1"
        """Of the database; None: it does not say."""
        self.reconciler = Reconciler(self.hub, self.readers, self.watch, self._life_of)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        self.registry.on_changed(self.company.look_at_all)
        await self.registry.join()
        self.company.start()
        self.broker.start(hearing_of(self.watch, self.reconciler, self.company))
        self.reconciler.start()
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self.company.stop()
        await self.registry.leave()
        self.aside.close()
        await self.reconciler.stop()
        await self.broker.close()
        await super().__aexit__(*ended)

    def _life_of(self, _connection: Connection) -> str:
        self.lives_read += 1
        if self.life is None:
            raise LookupError("no life")
        return self.life

    def sit(self, access: Access, head: int) -> FakeMember:
        """Somebody in the room of an item, who has been given all up to a seq."""
        principal = access.principal
        member = FakeMember(
            author_of(principal), principal.credential, access.standing, via=principal.via
        )
        member.principal = principal
        member.item_id = access.item_id
        join(self.hub, access.item_key, member).learn_head(head)
        return member

    async def look(self) -> None:
        """Reconcile now, and wait until all is read that has to be."""
        self.reconciler.gap()
        await asyncio.sleep(0.02)
        await self.settled()

    async def settled(self) -> None:
        """All reads so far have been answered: each may ask for another one."""
        for _ in range(4):
            await self.readers.read(lambda _: None)


class World:
    """Two nodes, and an item `i-1` with Ada, an admin, and Bob, a writer; nobody is there yet."""

    def __init__(self, ether: Ether, one: Node, two: Node) -> None:
        self.ether, self.one, self.two = ether, one, two
        self.ada: Access
        self.bob: Access
        self.key: int
        self.url = one.settings.database_url

    async def begin(self) -> None:
        """Make the item and its members."""
        ada, bob = await self.one.user("ada"), await self.one.user("bob")
        self.key = await self.one.item("i-1", {"ada": Role.ADMIN, "bob": Role.WRITER})
        self.ada = await self.one.access(ada, "i-1")
        self.bob = await self.one.access(bob, "i-1")

    def here(self, node: Node) -> list[str]:
        """Who is in the room, as one node shows it."""
        return sorted(user["name"] for user in node.hub.presence(self.key)["users"])

    async def heard(self) -> None:
        """Wait until those nodes that have the room open hear each other of it."""
        nodes = [node for node in (self.one, self.two) if node.hub.rooms]
        await until(lambda: all(node.broker.is_confirmed(self.key) for node in nodes))
        for node in nodes:
            await node.look()
            node.repairs.clear()


@asynccontextmanager
async def two_nodes(
    cluster: Cluster, ether: Ether, *, presence_interval: float = 60
) -> AsyncIterator[World]:
    """A world on a database of its own."""
    settings = Settings(database_url=cluster.database(), secret=SecretStr(SECRET), reader_threads=2)
    async with AsyncExitStack() as stack:
        nodes = [
            await stack.enter_async_context(
                Node(settings, ether.broker(boot), presence_interval=presence_interval)
            )
            for boot in "ab"
        ]
        world = World(ether, *nodes)
        await world.begin()
        yield world


def seqs(member: FakeMember) -> list[int]:
    """Of the entries that somebody was told, in that order."""
    return [seq for told in member.told if isinstance(told, list) for seq in told]


def codes(member: FakeMember) -> Sequence[str]:
    """Why somebody was ended."""
    return [told for told in member.told if isinstance(told, str)]
