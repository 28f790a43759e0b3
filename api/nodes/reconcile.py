"""Looking again and again at what others may have changed: so that no hint is ever needed.

One statement for all that is open here, whether or not there is a broker, and whatever it says.
Lives on the event loop.
"""

import asyncio
import logging
from collections.abc import Callable

from sqlalchemy import Connection

from ..live.guests import judged_of
from ..live.hub import Hub
from ..live.room import Room
from ..store.readers import Readers
from .reads import read_moved
from .watch import Watch

logger = logging.getLogger("itemroom.nodes")

# Seconds from one look to the next, so that whatever was not heard of is known within three.
INTERVAL = 2.0
# Seconds without a look that succeeded, until no hint's entries are told any more: the database
# may have removed those who would read them; and until nobody is kept waiting for it.
DOUBT = 4.0
PATIENCE = 10.0
# Seconds in which looks at single items gather.
GATHERING = 0.005


class Reconciler:
    """One node's looks, between `start` and `stop`.

    Args:
        hub: what is open here.
        readers: ask the database.
        watch: acts on what differs.
        life: names the history that the database is in.
    """

    def __init__(
        self, hub: Hub, readers: Readers, watch: Watch, life: Callable[[Connection], str]
    ) -> None:
        self._hub = hub
        self._readers = readers
        self._watch = watch
        self._read_life = life
        self._life: str | None = None  # None: it has not been seen yet.
        self._due: set[int] = set()  # Items to be looked at before the next look at all.
        self._everybody = False  # Instead of those items, everything is to be looked at.
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._loop: asyncio.AbstractEventLoop  # Set by `start`.
        self.looked_at = 0.0
        """When the last look that succeeded was begun, by the loop's clock."""

    def start(self) -> None:
        """Look, until `stop`."""
        self._loop = asyncio.get_running_loop()
        self.looked_at = self._loop.time()
        for act in (self._look_at_all, self._look_at_due):
            self._tasks.append(self._loop.create_task(act()))

    async def stop(self) -> None:
        """Look no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def confirmed(self, item_key: int) -> None:
        """All is heard of an item from now on: look what was not heard before."""
        self._due.add(item_key)
        self._wake.set()

    def gap(self) -> None:
        """Something may not have been heard, of any item."""
        self._everybody = True
        self._wake.set()

    async def _look_at_all(self) -> None:
        # At once: what changes before the first look is a change, too.
        await self.look_at_life()
        asked: asyncio.Task[None] | None = None
        while True:
            await asyncio.sleep(INTERVAL)
            # A database that hangs is asked once, and then waited for.
            if asked is None or asked.done():
                asked = self._loop.create_task(self._look(self._hub.open_rooms(), everybody=True))
            await asyncio.wait([asked], timeout=INTERVAL / 2)
            self.doubt()

    async def _look_at_due(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHERING)
            self._wake.clear()
            due, self._due = self._due, set()
            everybody, self._everybody = self._everybody, False
            known = map(self._hub.room, due)
            rooms = self._hub.open_rooms() if everybody else [room for room in known if room]
            if rooms:
                await self._look(rooms, everybody=everybody)

    def doubt(self) -> None:
        """Draw the consequences of how long the database has not been seen."""
        silence = self._loop.time() - self.looked_at
        self._watch.trusts_bodies = silence < DOUBT
        if silence >= PATIENCE:
            for guest in self._hub.guests:
                guest.end("database_unavailable", retry_after=1)

    async def _look(self, rooms: list[Room], *, everybody: bool) -> None:
        began = self._loop.time()
        told = {room.item_key: room.progress.told or 0 for room in rooms}
        items = [(key, told[key], _rights_of(room)) for room, key in zip(rooms, told, strict=True)]
        everyone = self._hub.guests.users() if everybody else []
        users = [(key, self._rights_of(key)) for key in everyone]
        try:
            moved = await self._readers.read(read_moved, items, users)
        except Exception:
            return  # The readers' own log says what it is.
        if everybody:
            self.looked_at = began
        for item in moved.items:
            self._watch.item_moved(item, told[item.key])
        for user_key in moved.users:
            self._watch.judge_user(user_key)
        for room in rooms:
            self._watch.read_text(room)
        if everybody:
            await self.look_at_life()
            self._watch.begin_epochs()

    async def look_at_life(self) -> None:
        """Compare all that was told here, if the database has gone on from a copy of itself."""
        try:
            life = await self._readers.read(self._read_life)
        except Exception:
            return  # As above; or it is a service that does not say.
        former, self._life = self._life, life
        if former not in (None, life):
            logger.warning("the database goes on from a copy of itself: what was told is compared")
            for room in self._hub.open_rooms():
                self._watch.recall(room)

    def _rights_of(self, user_key: int) -> int:
        guests = self._hub.guests
        own = [one.standing.user_rights for one in judged_of(guests.of(user_key))]
        acted = [one.standing.via_rights for one in judged_of(guests.acted_by(user_key))]
        return min(own + acted)


def _rights_of(room: Room) -> int:
    """The oldest version by which anybody there was judged; a room without them knows none."""
    return min((member.standing.item_rights for member in room.members), default=-1)
