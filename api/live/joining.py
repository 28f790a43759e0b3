"""Items that one client has asked to join: all that come in one turn are read together.

A client that has 200 items joins them with a few statements, and not with a read for each.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from ..errors import Refusal
from ..rights.access import Access, Principal
from .hub import Moment
from .opening import Arrival, Beginning, Opening, read_openings
from .reads import Reads
from .services import Services

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

    __slots__ = ("_due", "_is_reading", "_joiner", "_soon", "_waiting")

    def __init__(self, joiner: Joiner, soon: Callable[[Callable[[], None]], object]) -> None:
        self._joiner = joiner
        self._soon = soon
        self._waiting: dict[str, Beginning] = {}  # All that was not answered.
        self._due: dict[str, Beginning] = {}  # Of these, what is to be read next.
        self._is_reading = False  # A batch is on its way: one at a time.

    def __contains__(self, item_id: str) -> bool:
        """Whether an item is asked for."""
        return item_id in self._waiting

    def __len__(self) -> int:
        """How many are."""
        return len(self._waiting)

    def ask(self, item_id: str, beginning: Beginning) -> None:
        """One more."""
        if not self._due and not self._is_reading:
            self._soon(self._read)
        self._waiting[item_id] = self._due[item_id] = beginning

    def forget(self, item_id: str) -> None:
        """Not this one any more; whatever is found is for nobody."""
        del self._waiting[item_id]
        self._due.pop(item_id, None)

    def _read(self) -> None:
        wanted, self._due = self._due, {}
        self._is_reading = bool(wanted)
        if wanted and self._joiner.is_open:
            _Batch(self, self._joiner, wanted).read()

    def over(self) -> None:
        """The batch was read: what was asked for meanwhile is the next one."""
        self._read()

    def take(self, wanted: dict[str, Beginning]) -> dict[str, Beginning]:
        """Those of a batch that are still asked for; they are not, from now on."""
        taken = {key: one for key, one in wanted.items() if self._waiting.get(key) is one}
        for item_id in taken:
            del self._waiting[item_id]
        return taken

    def again(self, wanted: dict[str, Beginning]) -> None:
        """What was found of these does not count any more."""
        for item_id, beginning in self.take(wanted).items():
            self.ask(item_id, beginning)


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
        for item_id in self._joining.take(self._wanted):
            self._joiner.refused(item_id, refusal)
        self._joining.over()

    def _found(self, principal: Principal, moment: Moment, found: Found) -> None:
        if principal is not self._joiner.principal:
            # Renewed meanwhile: by a token, perhaps, that allows less.
            self._joining.again(self._wanted)
        else:
            self._answer(moment, found)
        self._joining.over()

    def _answer(self, moment: Moment, found: Found) -> None:
        for item_id, beginning in self._joining.take(self._wanted).items():
            one = found[item_id]
            if isinstance(one, Refusal):
                self._joiner.refused(item_id, one)
            else:
                self._joiner.joined(Arrival(one[0], beginning, one[1], moment))
