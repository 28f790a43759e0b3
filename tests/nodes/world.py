"""Nodes in one process: each with a hub, a writer and a broker of its own, on one database."""

import asyncio
from collections.abc import Sequence
from typing import Self

from sqlalchemy import Connection

from api.history.messages import author_of
from api.live.hub import Hub
from api.nodes.broker import Broker
from api.nodes.hearing import Hearing
from api.nodes.hints import EntriesStored, MarkerMoved, RightsChanged
from api.nodes.reconcile import Reconciler
from api.nodes.telling import Telling
from api.nodes.watch import Watch
from api.rights.access import Access
from api.settings import Settings
from tests.live.fakes import FakeMember
from tests.stores import Store


class Node(Store):
    """One of them; it reconciles when it is told to, not by the clock."""

    def __init__(self, settings: Settings, broker: Broker) -> None:
        super().__init__(settings)
        self.broker = broker
        self.repairs: list[str] = []
        self.hub = Hub(recent_entries=8, presence_grace=0, presence_interval=60)
        self.commits.listen(self.hub.committed)
        self.commits.listen(Telling(broker).committed)
        self.watch = Watch(
            self.hub,
            self.readers,
            self.writer,
            broker,
            page_max=4,
            repaired=self.repairs.append,
        )
        self.hub.lookout = self.watch
        self.life: str | None = "1"
        """Of the database; None: it does not say."""
        self.reconciler = Reconciler(self.hub, self.readers, self.watch, self._life_of)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        hearing = Hearing()
        hearing.on(EntriesStored, self.watch.entries_stored)
        hearing.on(MarkerMoved, self.watch.marker_moved)
        hearing.on(RightsChanged, self.watch.rights_changed)
        hearing.on_confirmed(self.reconciler.confirmed)
        hearing.on_gap(self.reconciler.gap)
        self.broker.start(hearing)
        self.reconciler.start()
        return self

    async def __aexit__(self, *ended: object) -> None:
        await self.reconciler.stop()
        await self.broker.close()
        await super().__aexit__(*ended)

    def _life_of(self, _connection: Connection) -> str:
        if self.life is None:
            raise LookupError("no life")
        return self.life

    def sit(self, access: Access, head: int) -> FakeMember:
        """Somebody in the room of an item, who has been given all up to a seq."""
        principal = access.principal
        member = FakeMember(
            author_of(principal), principal.credential, access.standing, principal=principal
        )
        self.hub.join(access.item_key, member).learn_head(head)
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


def seqs(member: FakeMember) -> list[int]:
    """Of the entries that somebody was told, in that order."""
    return [seq for told in member.told if isinstance(told, list) for seq in told]


def codes(member: FakeMember) -> Sequence[str]:
    """Why somebody was ended."""
    return [told for told in member.told if isinstance(told, str)]
