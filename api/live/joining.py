"""Items that one client has asked to join: all that come in one turn are read together.

A client that has 200 items joins them with a few statements, and not with a read for each.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Protocol

from ..errors import Refusal
from ..rights.access import Access, Principal
from .hub import Moment
from .opening import Arrival, Beginning, Late, Opening, read_openings
from .reads import Reads
from .services import Services

logger = logging.getLogger("itemroom.rooms")
Found = dict[str, tuple[Access, Opening] | Refusal]


class Joiner(Protocol):
    """Who joins."""

    id: str
    services: Services

    @property
    def is_open(self) -> bool:
        """Whether it still wants to."""

    @property
    def principal(self) -> Principal:
        """As whom."""

    def joined(self, arrival: Arrival) -> None:
        """It may have this seat."""

    def refused(self, item_id: str, refusal: Refusal) -> None:
        """It may not have that one."""


class Joining:
    """What one client has asked for and not got yet. Lives on the event loop."""

    __slots__ = ("_due", "_is_reading", "_joiner", "_loop", "_tasks", "_waiting", "late")

    def __init__(self, joiner: Joiner, loop: asyncio.AbstractEventLoop) -> None:
        self.late: Late | None = None
        """Asks others about items in which the client is nothing; None: there is nobody to ask."""
        self._joiner = joiner
        self._loop = loop
        self._waiting: dict[str, Beginning] = {}  # All that was not answered.
        self._due: dict[str, Beginning] = {}  # Of these, what is to be read next.
        self._is_reading = False  # A batch is on its way: one at a time.
        self._tasks: dict[str, asyncio.Task[None]] = {}  # Of those that others are asked about.

    def __contains__(self, item_id: str) -> bool:
        """Whether an item is asked for."""
        return item_id in self._waiting

    def __len__(self) -> int:
        """How many are."""
        return len(self._waiting)

    def ask(self, item_id: str, beginning: Beginning) -> None:
        """One more."""
        if not self._due and not self._is_reading:
            self._loop.call_soon(self.read)
        self._waiting[item_id] = self._due[item_id] = beginning

    def forget(self, item_id: str) -> None:
        """Not this one any more; whatever is found is for nobody."""
        del self._waiting[item_id]
        self._due.pop(item_id, None)
        if item_id in self._tasks:
            self._tasks.pop(item_id).cancel()

    def stop(self) -> None:
        """Nobody waits for any."""
        for item_id in tuple(self._waiting):
            self.forget(item_id)

    def read(self) -> None:
        """What was asked for, while others were read perhaps, is the next batch."""
        wanted, self._due = self._due, {}
        self._is_reading = bool(wanted) and self._joiner.is_open
        if self._is_reading:
            _Batch(self, self._joiner, wanted).read()

    def settle(
        self, wanted: dict[str, Beginning], answer: Callable[[str, Beginning], object]
    ) -> None:
        """Answer those of some that are still asked for; they are not, from now on."""
        for item_id, beginning in wanted.items():
            if self._waiting.get(item_id) is beginning:
                del self._waiting[item_id]
                answer(item_id, beginning)

    def ask_others(self, item_id: str, beginning: Beginning) -> None:
        """About an item in which the client is nothing: whether it may be joined all the same."""
        if self.late is None:
            self._joiner.refused(item_id, Refusal("item_not_found"))
            return
        self._waiting[item_id] = beginning
        asking = self._ask_others(self.late, item_id, beginning)
        self._tasks[item_id] = self._loop.create_task(asking)

    async def _ask_others(self, late: Late, item_id: str, beginning: Beginning) -> None:
        principal = self._joiner.principal
        found: Arrival | Refusal
        try:
            found = await late(principal, item_id, beginning)
        except Refusal as refusal:
            found = refusal
        except Exception:
            failure_id = os.urandom(4).hex()
            logger.exception("failure %s: nobody could say who may join an item", failure_id)
            found = Refusal("internal", f"failure {failure_id}")
        del self._tasks[item_id]
        if principal is not self._joiner.principal:
            self.ask(item_id, beginning)  # Renewed meanwhile.
            return
        del self._waiting[item_id]
        answer(self._joiner, item_id, found)


def answer(joiner: Joiner, item_id: str, found: Arrival | Refusal) -> None:
    """What was found of an item is told."""
    if isinstance(found, Refusal):
        joiner.refused(item_id, found)
    else:
        joiner.joined(found)


class _Batch:
    """Some of them, while they are read."""

    __slots__ = ("_joiner", "_joining", "_reads", "_wanted")

    def __init__(self, joining: Joining, joiner: Joiner, wanted: dict[str, Beginning]) -> None:
        self._joining = joining
        self._joiner = joiner
        self._wanted = wanted
        self._reads = Reads(self, joiner.services.readers)

    @property
    def id(self) -> str:
        return self._joiner.id

    @property
    def is_taken(self) -> bool:
        return self._joiner.is_open

    def read(self) -> None:
        principal, moment = self._joiner.principal, self._joiner.services.hub.moment
        found = partial(self._found, principal, moment)
        self._reads.read(found, read_openings, principal, self._wanted)

    def fail(self, refusal: Refusal) -> None:
        """Nothing could be read."""
        self._joining.settle(self._wanted, lambda item, _: self._joiner.refused(item, refusal))
        self._joining.read()

    def _found(self, principal: Principal, moment: Moment, found: Found) -> None:
        if principal is not self._joiner.principal:
            # Renewed meanwhile: by a token, perhaps, that allows less.
            self._joining.settle(self._wanted, self._joining.ask)
        else:
            self._joining.settle(self._wanted, partial(self._answer, moment, found))
        self._joining.read()

    def _answer(self, moment: Moment, found: Found, item_id: str, beginning: Beginning) -> None:
        one = found[item_id]
        if not isinstance(one, Refusal):
            answer(self._joiner, item_id, Arrival(one[0], beginning, one[1], moment))
        elif one.code == "item_not_found":
            self._joining.ask_others(item_id, beginning)
        else:
            answer(self._joiner, item_id, one)
