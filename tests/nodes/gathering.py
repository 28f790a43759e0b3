"""All who are in an item of several servers, whatever they do there, and what has come of it."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from tests.clients.drivers import Client, Driver
from tests.clients.judge import read_log
from tests.deadlines import scaled
from tests.nodes.crowd import Caller, Guest, Player, Talker
from tests.nodes.officials import Clerk, Doorkeeper, Holder
from tests.nodes.oracle import Told, Trial, faults
from tests.nodes.scene import Scene
from tests.serving import Fields, Person

# Seconds within which everybody gets an answer again once a disaster is over, and has seen all
# when nobody says anything new.
RECOVERY = 15.0
SETTLEMENT = 20.0
SENT_AWAY = frozenset({"removed", "item_not_found", "forbidden"})


class Gathering:
    """Callers, guests who write and who only read, eve who comes and goes, and clients.

    Args:
        scene: the servers.
        item: where they are; ada has made it, and eve may write there.
        ada, eve: by the balancer, like all the others, who are ada too.
        clients: rooms of our own clients, from the first entry on.
    """

    def __init__(
        self, scene: Scene, item: str, ada: Person, eve: Person, clients: Mapping[str, Client]
    ) -> None:
        self._scene, self._item, self._ada = scene, item, ada
        self._clients = clients
        dice = random.Random(scene.dice.random())
        # Ada is an admin, and may change what eve says.
        messages: list[int] = []
        at: Fields = {"item": item, "dice": dice, "boards": (messages,)}
        self._callers = [Caller(f"caller-{n}", ada, **at) for n in range(2)]
        self._guests = [Guest(f"guest-{n}", ada, **at, writes=n < 3) for n in range(5)]
        self._players = [Player(name, ada, **at) for name in clients]
        at["boards"] = ([], messages)
        self._guests.append(Guest("eve", eve, **at, may_be_refused=SENT_AWAY))
        self._keeper = Doorkeeper(Clerk(ada), item, eve.username, dice)
        # By itself: where others write, heads move, and a server has to look at rights anyway.
        self._quiet = f"{item}-quiet"
        self._holder = Holder(Clerk(ada), self._quiet, dice)

    @property
    def _talkers(self) -> Sequence[Talker]:
        return [*self._callers, *self._guests, *self._players]

    @asynccontextmanager
    async def talking(self, patience: float = scaled(SETTLEMENT)) -> AsyncIterator[None]:
        """Until the end of the block; then on until all that was said is answered and seen.

        Args:
            patience: seconds for that; whoever has not got there then, the judge tells of.
        """
        acts = [one.run() for one in self._callers] + [one.run() for one in self._guests]
        acts += [player.run(self._clients[player.name]) for player in self._players]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(act) for act in acts]
            officials = [group.create_task(one.run()) for one in (self._keeper, self._holder)]
            yield
            self._keeper.more = self._holder.more = False
            await asyncio.wait(officials)
            for talker in self._talkers:
                talker.more = False
            until = time.monotonic() + patience
            await _until(self._is_done, patience)
            # The last entry may be of somebody's who keeps no account: the keeper's, or a deletion.
            head = (await asyncio.to_thread(self._scene.row, self._item))[0]
            await _until(lambda: self._have_seen(head), until - time.monotonic())
            for task in tasks:
                task.cancel()

    async def go_on(self) -> None:
        """Wait until everybody has an answer to something new."""
        before = {talker.name: talker.acked for talker in self._talkers}

        def have_all() -> bool:
            return all(
                talker.acked > before[talker.name] or talker.faults or not talker.writes
                for talker in self._talkers
            )

        assert await _until(have_all, scaled(RECOVERY)), self.story()

    def _is_done(self) -> bool:
        if any(talker.unanswered() and not talker.faults for talker in self._talkers):
            return False
        return self._have_seen(
            max(sent.seq or 0 for one in self._talkers for sent in one.sent.values())
        )

    def _have_seen(self, last: int) -> bool:
        seen = [entry["seq"] for one in self._clients.values() for entry in one.entries[-1:]]
        return all(seq >= last for seq in [*seen, *(guest.cursor for guest in self._guests)])

    def story(self) -> str:
        """How far everybody is, for whoever reads a failure."""
        parts = [
            f"{one.name} has {one.acked} answers, {len(one.too_late)} of them too late, "
            f"lacks {len(one.unanswered())}"
            for one in self._talkers
        ]
        return f"{'; '.join(parts)}; {len(self._holder.ended)} tokens revoked"

    @property
    def reasons(self) -> set[str]:
        """Codes with which anybody was sent away, or refused."""
        return {code for guest in self._guests for code in guest.reasons}

    async def faults(self) -> list[str]:
        """What the judge says of it."""
        await asyncio.to_thread(self._scene.until_ready)
        views = {name: client.entries for name, client in self._clients.items()}
        return [
            *faults(Trial(*await self._stored(self._item), self._talkers, views)),
            *faults(Trial(*await self._stored(self._quiet), ended=self._holder.ended)),
        ]

    async def _stored(self, item: str) -> tuple[str, list[Told], tuple[int, ...]]:
        told = [
            await asyncio.to_thread(_told, replace(self._ada, server=member.node), item)
            for member in self._scene.members
        ]
        return self._ada.id, told, await asyncio.to_thread(self._scene.row, item)


def _told(person: Person, item: str) -> Told:
    """All of an item, as one server tells it."""
    messages: list[Fields] = []
    while True:
        after = messages[-1]["seq"] if messages else 0
        page = person.call("GET", f"/items/{item}/messages", params={"after": after, "limit": 500})
        if not page.json()["messages"]:
            return Told(read_log(person, item), messages)
        messages += page.json()["messages"]


async def people(scene: Scene) -> tuple[Person, Person]:
    """Ada and Eve, by the balancer."""
    first = scene.members[0].node
    ada, eve = [await asyncio.to_thread(first.person, name) for name in ("ada", "eve")]
    return replace(ada, server=scene.front), replace(eve, server=scene.front)


async def gathered(
    scene: Scene, item: str, ada: Person, eve: Person, drivers: Mapping[str, Driver] | None = None
) -> Gathering:
    """These two and others in a new item, and a room of each client program."""
    clerk = Clerk(ada)  # Servers may still be about what has befallen them.
    for name in (item, f"{item}-quiet"):
        await clerk.call("POST", "/items", (201, 409), json={"id": name})
    path = f"/items/{item}/members/{eve.username}"
    await clerk.call("PUT", path, (200, 201), json={"role": "writer"})
    clients = {
        name: await driver.open(scene.front.url, item, token=ada.token, after=0)
        for name, driver in (drivers or {}).items()
    }
    return Gathering(scene, item, ada, eve, clients)


async def _until(condition: Callable[[], object], patience: float) -> bool:
    """Wait for it, so many seconds; whether it has come."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True
