"""Who is in the rooms of this server's items elsewhere, and what others know of those here.

Each server writes rows of its own and tells that it has; whoever has the item open reads them, all
due ones at once. A lost hint is made good by the next look at all that is open. Lives on the event
loop.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial

from ..history.entries import Author
from ..live.frames import PresenceSummary
from ..live.hub import Hub
from ..live.presence import summary_of
from ..outage import Outage
from ..store.readers import Readers
from .aside import Aside
from .attendance import (
    count_attendance,
    count_connections,
    is_among,
    read_attendance,
    read_rooms,
    write_attendance,
)
from .broker import Broker
from .hints import PresenceChanged
from .registry import Registry

logger = logging.getLogger("itemroom.nodes")

# Seconds in which comings and goings here gather into one write; and hints of others into one read.
WRITING = 0.3
READING = 0.02
# Seconds between two looks at all rooms, and at the rows of this server.
INTERVAL = 8.0
# Seconds after what failed.
PAUSE = 1.0


class Company:
    """The task that writes and the tasks that read, between `start` and `stop`.

    Args:
        hub: whose rooms these are.
        readers: ask who is elsewhere.
        aside: writes who is here.
        broker: tells others.
        registry: knows which other servers live; a server that is alone reads nothing.
        boot: of this server.
    """

    def __init__(
        self,
        hub: Hub,
        readers: Readers,
        aside: Aside,
        broker: Broker,
        *,
        registry: Registry,
        boot: str,
    ) -> None:
        self._hub = hub
        self._readers = readers
        self._aside = aside
        self._broker = broker
        self._registry = registry
        self._boot = boot
        self._outage = Outage(logger)
        # Items in which somebody here has come or gone, and what the rows say of all.
        self._moved: set[int] = set()
        self._written: dict[int, dict[int, tuple[int, int]]] = {}
        self._write = asyncio.Event()
        # Items of which others may be read again.
        self._due: set[int] = set()
        self._read = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Write and read, until `stop`."""
        loop = asyncio.get_running_loop()
        for act in (self._write_moved, self._read_due, self._look_at_all):
            self._tasks.append(loop.create_task(act()))

    async def stop(self) -> None:
        """Write and read no more; the rows go with the server's own."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def moved(self, item_key: int) -> None:
        """Somebody's first or last connection, or one more, in an item's room here."""
        self._moved.add(item_key)
        self._write.set()

    def look(self, item_key: int) -> None:
        """Others may have come to this item, or gone."""
        self._due.add(item_key)
        self._read.set()

    def heard(self, hint: PresenceChanged) -> None:
        """Another server says so."""
        if self._hub.room(hint.item_key) is not None:
            self.look(hint.item_key)

    async def presence(self, item_key: int) -> PresenceSummary:
        """Who is in an item's room, also when nobody is here.

        Raises:
            Refusal: `database_unavailable`, or `overloaded`.
        """
        if self._hub.room(item_key) is not None:
            return self._hub.presence(item_key)
        found = await self._elsewhere([item_key])
        return summary_of(found.get(item_key, ()))

    async def rooms(self, after: str, limit: int) -> list[tuple[str, int, int]]:
        """Items with somebody in their rooms, wherever: id, users and connections.

        Raises:
            Refusal: as above.
        """
        boots = {self._boot, *self._registry.others}
        return await self._readers.read(read_rooms, boots, after, limit)

    async def connections_of(self, user_key: int) -> int:
        """How many connections a user has at other servers, as of a moment ago.

        Raises:
            Refusal: as above.
        """
        if not self._registry.others:
            return 0
        return await self._readers.read(count_connections, self._registry.others, user_key)

    async def is_there(self, item_key: int, user_key: int) -> bool:
        """Whether a user is in an item's room at another server.

        Raises:
            Refusal: as above.
        """
        if not self._registry.others:
            return False
        return await self._readers.read(is_among, self._registry.others, item_key, user_key)

    def look_at_all(self) -> None:
        """Others may have come or gone anywhere."""
        for room in self._hub.open_rooms():
            self.look(room.item_key)

    async def _look_at_all(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self.look_at_all()
            rows = await self._count()
            if rows is not None and rows != sum(map(len, self._written.values())):
                self._write_all()

    async def _count(self) -> int | None:
        try:
            return await self._aside.run(partial(count_attendance, boot=self._boot))
        except Exception:
            return None  # The next write says what it is.

    def _write_all(self) -> None:
        """Nothing of what was written is there for sure: the table does not outlive a crash."""
        self._moved.update(self._written, (room.item_key for room in self._hub.open_rooms()))
        self._written.clear()
        self._write.set()

    async def _write_moved(self) -> None:
        while True:
            await self._write.wait()
            await asyncio.sleep(WRITING)
            self._write.clear()
            moved, self._moved = self._moved, set()
            try:
                await self._write_rows(moved)
            except Exception as error:
                self._outage.failed(f"who is here is told to nobody elsewhere: {_kind(error)}")
                # Whether they were written nobody knows.
                self._write_all()
                await asyncio.sleep(PAUSE)
            else:
                self._outage.worked()

    async def _write_rows(self, moved: set[int]) -> None:
        """Make the rows of some items what their rooms are, and tell others where that is new."""
        now = {key: room.presence.here() if (room := self._hub.room(key)) else {} for key in moved}
        before = {key: self._written.get(key, {}) for key in moved}
        come = [
            (key, user, *counts)
            for key in moved
            for user, counts in now[key].items() - before[key].items()
        ]
        gone = [(key, user) for key in moved for user, _ in before[key].items() - now[key].items()]
        await self._aside.run(
            partial(write_attendance, boot=self._boot, gone=gone, come=come, anew=not self._written)
        )
        self._written.update(now)
        for key in moved:
            if not now[key]:
                del self._written[key]
        told = [key for key in sorted(moved) if now[key].keys() != before[key].keys()]
        self._broker.send([PresenceChanged(key) for key in told])

    async def _read_due(self) -> None:
        while True:
            await self._read.wait()
            await asyncio.sleep(READING)
            self._read.clear()
            due, self._due = self._due, set()
            try:
                found = await self._elsewhere(sorted(due))
            except Exception:
                # The readers' own log says what it is; the next look at all reads them again.
                await asyncio.sleep(PAUSE)
                continue
            for key in due:
                if (room := self._hub.room(key)) is not None:
                    room.presence.elsewhere(found.get(key, ()))

    async def _elsewhere(self, items: Sequence[int]) -> dict[int, list[Author]]:
        """Who is in some items' rooms at those servers that are known to live."""
        if not self._registry.others:
            return {}
        return await self._readers.read(read_attendance, self._registry.others, items)


def _kind(error: Exception) -> str:
    """Of an error, without its text, which may have a statement's values."""
    return type(error).__name__
