"""Who is told when their items change: a state of an item, at most once a second.

What has changed is known by commits of this server, and by looks at what others have stored; whom
it concerns is asked of the database. So whoever has ten thousand items, ten of them lively, costs
what the ten cost. Lives on the event loop.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from ..errors import Refusal
from ..history.events import (
    DefaultRoleChanged,
    EntryStored,
    Event,
    ItemDeleted,
    LogCut,
    MemberChanged,
    ReadMoved,
)
from ..inbox.changes import Change, read_changed, read_concerned, read_items
from ..rights.access import Principal, clock_ms
from ..store.readers import Readers
from .shared_frames import InboxItem

Moved = Sequence[tuple[int, Sequence[int]]]
"""Items that have changed, each with the users for whom; without any: for all."""

logger = logging.getLogger("itemroom.inbox")
# Seconds between two states of one item, and in which changes gather.
INTERVAL = 1.0
GATHERING = 0.05
# Seconds between two looks at what other servers have stored.
LOOK_INTERVAL = 2.0
# Milliseconds by which a client's moment is put back: what is stored has its time from before its
# commit, and servers' clocks differ. A state that is told twice harms nothing.
MARGIN_MS = 10_000
# Items that are read, and told to one client, at once.
PAGE = 200
# Items that have changed and are not told yet; with one more everybody is told all since then.
MAX_DIRTY = 20_000
UNCHANGED = Change(members=False, users=frozenset())


class Watcher(Protocol):
    """Who is told when its user's items change."""

    @property
    def principal(self) -> Principal:
        """Whose items."""

    def tell_items(self, items: Sequence[InboxItem]) -> bool:
        """These have changed; whether the client takes them now."""

    def is_watching(self, at: int) -> None:
        """All that changed until a moment (ms since the epoch) was told."""

    def refuse(self, refusal: Refusal) -> None:
        """What has changed could not be read."""


class Looks(Protocol):
    """Who finds what other servers have stored."""

    async def look(self, readers: Readers, users: Sequence[int]) -> Moved:
        """What has moved since the last look, for some users; raises Refusal."""


class Watch:
    """What there is of a watcher."""

    __slots__ = ("beginning", "turn")

    def __init__(self) -> None:
        # Held from a read until it is told: else what was read first could be told last, and stay.
        self.turn = asyncio.Lock()
        # Tells what has changed since the moment that was asked for; None: that is done.
        self.beginning: asyncio.Task[None] | None = None

    def end(self) -> None:
        """It is told nothing more of that."""
        if self.beginning is not None:
            self.beginning.cancel()
            self.beginning = None


class Inboxes:
    """All who watch at this server.

    Args:
        readers: ask the database.
        looks: finds what other servers have stored; None: there are none.
    """

    def __init__(self, readers: Readers, looks: Looks | None) -> None:
        self._readers = readers
        self._looks = looks
        self._watchers: dict[int, dict[Watcher, Watch]] = {}  # By the users' keys.
        self._dirty: dict[int, Change] = {}  # Items that have changed and are not told yet.
        self._quiet: dict[int, float] = {}  # Until when an item is not told again, by item.
        self._missed_since: int | None = None  # From when on not all that changed is in `_dirty`.
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def __len__(self) -> int:
        """How many watch."""
        return sum(map(len, self._watchers.values()))

    def start(self) -> None:
        """Tell, until `stop`."""
        loop = asyncio.get_running_loop()
        acts = [self._tell_all] if self._looks is None else [self._tell_all, self._look]
        self._tasks = [loop.create_task(_for_ever(act)) for act in acts]

    async def stop(self) -> None:
        """Tell nothing more."""
        beginning = [watch.beginning for _, watch in self._all()]
        tasks = [*self._tasks, *(task for task in beginning if task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def watch(self, watcher: Watcher, since: int | None) -> None:
        """From now on; first what has changed since a moment (ms since the epoch)."""
        watches = self._watchers.setdefault(watcher.principal.user_key, {})
        watch = watches.setdefault(watcher, Watch())
        watch.end()  # Who asks once more is answered once: the question before costs nothing.
        task = self._begin(watcher, watch, since)
        watch.beginning = asyncio.get_running_loop().create_task(task)

    def unwatch(self, watcher: Watcher) -> None:
        """Not any more, if it was told."""
        user_key = watcher.principal.user_key
        watches = self._watchers.get(user_key, {})
        if watcher in watches:
            watches.pop(watcher).end()
        if not watches:
            self._watchers.pop(user_key, None)

    def committed(self, events: Sequence[Event]) -> None:
        """What this server has stored."""
        if not self._watchers:
            return
        for event in events:
            match event:
                case EntryStored():
                    self.changed(event.entry.item_key)
                case LogCut():
                    self.changed(event.item_key)
                case DefaultRoleChanged() | ItemDeleted():
                    self.changed(event.item_key, rights=True)
                case MemberChanged():
                    self.changed(event.item_key, event.user_key)
                case ReadMoved():
                    self.changed(event.item_key, event.reader.key)

    def changed(self, item_key: int, *users: int, rights: bool = False) -> None:
        """An item is not what it was: for these users, or for its members.

        `rights`: also for those who perhaps are no members any more.
        """
        if len(self._dirty) >= MAX_DIRTY:
            self._missed_since = clock_ms() if self._missed_since is None else self._missed_since
            self._dirty.clear()
        self._mark(item_key, Change(not users, frozenset(users), rights))
        self._wake.set()

    def _mark(self, item_key: int, change: Change) -> None:
        known = self._dirty.get(item_key, UNCHANGED)
        self._dirty[item_key] = Change(
            known.members or change.members,
            known.users | change.users,
            known.rights or change.rights,
        )

    async def _begin(self, watcher: Watcher, watch: Watch, since: int | None) -> None:
        at = clock_ms()
        try:
            for page in await self._changed_since(watcher, since):
                await self._insist(watcher, watch, page)
        except Refusal as refusal:
            watch.beginning = None
            self.unwatch(watcher)
            watcher.refuse(refusal)
        else:
            # Not before all was taken: from here on the client may come back by this moment.
            watch.beginning = None
            watcher.is_watching(at)

    async def _changed_since(self, watcher: Watcher, since: int | None) -> Sequence[Sequence[int]]:
        if since is None:
            return ()
        user_key = watcher.principal.user_key
        keys = await self._readers.read(read_changed, user_key, since - MARGIN_MS)
        return [keys[start : start + PAGE] for start in range(0, len(keys), PAGE)]

    async def _tell(self, watcher: Watcher, watch: Watch, item_keys: Sequence[int]) -> bool:
        async with watch.turn:
            read = await self._readers.read(read_items, watcher.principal, item_keys)
            return watcher.tell_items(cast("list[InboxItem]", read))

    async def _insist(self, watcher: Watcher, watch: Watch, item_keys: Sequence[int]) -> None:
        while True:
            if await self._tell(watcher, watch, item_keys):
                return
            await asyncio.sleep(INTERVAL)  # It takes less than comes.

    async def _offer(self, watcher: Watcher, watch: Watch, item_keys: Sequence[int]) -> None:
        if not await self._tell(watcher, watch, item_keys):
            # It takes less than comes: once more, when that is older by a second.
            for item_key in item_keys:
                self.changed(item_key, watcher.principal.user_key)

    async def _tell_all(self) -> None:
        await self._wake.wait()
        await asyncio.sleep(GATHERING)
        self._wake.clear()
        due = self._due()
        if self._dirty:
            asyncio.get_running_loop().call_later(INTERVAL / 4, self._wake.set)
        missed, self._missed_since = self._missed_since, None
        try:
            if missed is not None:
                await self._tell_missed(missed)
            if due:
                await self._tell_due(due)
        except BaseException:
            # What could not be told is still to be told.
            self._missed_since = missed
            for item_key, change in due.items():
                self._mark(item_key, change)
            self._wake.set()
            raise

    async def _tell_missed(self, since: int) -> None:
        for watcher, watch in self._all():
            for page in await self._changed_since(watcher, since):
                await self._offer(watcher, watch, page)

    async def _tell_due(self, due: dict[int, Change]) -> None:
        users = list(self._watchers)
        concerned = await self._readers.read(read_concerned, due, users)
        for user_key, item_keys in concerned.items():
            for watcher, watch in tuple(self._watchers.get(user_key, {}).items()):
                await self._offer(watcher, watch, item_keys)

    def _due(self) -> dict[int, Change]:
        """What may be told now: not what was told within the last second."""
        now = asyncio.get_running_loop().time()
        self._quiet = {key: until for key, until in self._quiet.items() if until > now}
        due = {key: users for key, users in self._dirty.items() if key not in self._quiet}
        for key in due:
            del self._dirty[key]
            self._quiet[key] = now + INTERVAL
        return due

    def _all(self) -> list[tuple[Watcher, Watch]]:
        return [one for watches in self._watchers.values() for one in watches.items()]

    async def _look(self) -> None:
        await asyncio.sleep(LOOK_INTERVAL)
        looks = self._looks
        if looks is None or not self._watchers:
            return
        for item_key, users in await looks.look(self._readers, list(self._watchers)):
            self.changed(item_key, *users)


async def _for_ever(act: Callable[[], Any]) -> None:
    while True:
        try:
            await act()
        except Refusal:
            await asyncio.sleep(INTERVAL)  # The readers' own log says what it is.
        except Exception:
            logger.exception("inboxes could not be told")
            await asyncio.sleep(INTERVAL)
