"""News of commits: what is told at once, what waits for the next, and for how long."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from api.history.commits import Commits
from api.history.events import EntryStored, Event, ItemDeleted
from api.history.settlement import Settlement
from tests.live.fakes import JumpingLoop, entry, run_jumping

PATIENCE = 3.0
Told = list[Any]


@dataclass
class Named:
    """An answer that writes its name down."""

    name: str
    told: Told

    def give(self) -> None:
        self.told.append(self.name)


@dataclass
class Desk:
    """A settlement of two items: 1 has a crowd, 2 has few."""

    told: Told = field(default_factory=list)

    def __post_init__(self) -> None:
        commits = Commits()
        commits.listen(lambda events: self.told.append(len(events)))
        self.settlement = Settlement(commits, self.patience)

    def patience(self, events: Sequence[Event]) -> float:
        entries = [event.entry for event in events if isinstance(event, EntryStored)]
        is_for_crowd = any(entry.item_key == 1 for entry in entries)
        return PATIENCE if is_for_crowd and len(entries) == len(events) else 0.0

    def settles(self, name: str, *, more: bool, event: Event | None = None) -> None:
        """A commit of one command: the entry that it stored, or another event."""
        stored = event or EntryStored(entry(1))
        self.settlement.settle([Named(name, self.told)], [stored], more=more)


def at(desk: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    """Run a test of a desk whose seconds take no time."""

    async def act(_: JumpingLoop) -> None:
        await desk(Desk())

    run_jumping(act)


def test_lone_commit_is_told_at_once() -> None:
    """Nothing else is under way: nobody waits for what may never come."""

    async def act(desk: Desk) -> None:
        desk.settles("a", more=False)
        desk.settles("b", more=False)
        assert desk.told == [1, "a", 1, "b"]

    at(act)


def test_crowd_hears_of_commits_under_way_together() -> None:
    """Once, in their order, and all answers come after: an author's entry before its ack."""

    async def act(desk: Desk) -> None:
        desk.settles("a", more=True)
        desk.settles("b", more=True)
        assert desk.told == []
        desk.settles("c", more=False)
        assert desk.told == [3, "a", "b", "c"]

    at(act)


def test_wait_ends_in_time_from_the_first_that_waits() -> None:
    """Under a steady load there is always more; the disk may also hang."""

    async def act(desk: Desk) -> None:
        desk.settles("a", more=True)
        await asyncio.sleep(PATIENCE - 0.5)
        desk.settles("b", more=True)
        assert desk.told == []
        await asyncio.sleep(1)
        assert desk.told == [2, "a", "b"]
        desk.settles("c", more=True)
        await asyncio.sleep(PATIENCE - 0.5)
        assert desk.told == [2, "a", "b"]
        await asyncio.sleep(1)
        assert desk.told == [2, "a", "b", 1, "c"]

    at(act)


def test_wait_begins_behind_what_the_turn_writes() -> None:
    """Five milliseconds of writing to a crowd are none in which anybody else was heard."""

    async def act(loop: JumpingLoop) -> None:
        desk = Desk()
        loop.call_soon(loop.jump, 10 * PATIENCE)
        desk.settles("a", more=True)
        await asyncio.sleep(PATIENCE - 0.5)
        assert desk.told == []
        await asyncio.sleep(PATIENCE + 0.5)
        assert desk.told == [1, "a"]

    run_jumping(act)


def test_answers_of_others_keep_their_place() -> None:
    """News for few, or none at all, do not end a wait: what was stored first is told first."""

    async def act(desk: Desk) -> None:
        few = EntryStored(replace(entry(1), item_key=2))
        desk.settles("a", more=True, event=few)
        desk.settles("b", more=True)
        desk.settles("c", more=True, event=few)
        desk.settlement.settle([Named("refused", desk.told)], [], more=True)
        assert desk.told == [1, "a"]
        await asyncio.sleep(PATIENCE + 0.5)
        assert desk.told == [1, "a", 2, "b", "c", "refused"]

    at(act)


def test_what_may_not_wait_takes_along_what_does() -> None:
    """Changed rights hold at once, and behind the entries that were stored before them."""

    async def act(desk: Desk) -> None:
        desk.settles("a", more=True)
        desk.settles("b", more=True, event=ItemDeleted(1))
        assert desk.told == [2, "a", "b"]

    at(act)
