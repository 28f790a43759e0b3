"""What the tests of the inbox share: an item's people, and somebody who watches."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from api.accounts.identity import identify_token
from api.errors import Refusal
from api.live import inboxes as watching
from api.live.inboxes import Inboxes
from api.live.shared_frames import InboxItem
from api.rights.access import Principal
from api.state import State
from tests.deadlines import scaled
from tests.items.conftest import Cast, ada, cast, settings, visit
from tests.people import Person

__all__ = ["Cast", "ada", "cast", "settings", "visit"]


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is at most once a second is so fifty times as often here."""
    monkeypatch.setattr(watching, "INTERVAL", 0.02)
    monkeypatch.setattr(watching, "GATHERING", 0.001)
    monkeypatch.setattr(watching, "LOOK_INTERVAL", 0.05)


@dataclass(eq=False)
class FakeWatcher:
    """Keeps what it is told; takes nothing while it is full."""

    principal: Principal
    told: list[InboxItem] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    is_full: bool = False
    turned_away: int = 0
    """How often it has taken nothing."""

    def tell_items(self, items: Sequence[InboxItem]) -> bool:
        if self.is_full:
            self.turned_away += 1
        else:
            self.told.extend(items)
        return not self.is_full

    def is_watching(self, at: int) -> None:
        self.moments.append(at)

    def refuse(self, refusal: Refusal) -> None:
        self.refused.append(refusal.code)

    @property
    def states(self) -> dict[str, InboxItem]:
        """The newest state of each item."""
        return {item["item"]["id"]: item for item in self.told}

    async def hears(self, item_id: str, **values: object) -> InboxItem:
        """Wait until an item is told so."""
        async with asyncio.timeout(scaled(10)):
            while not _has(self.states.get(item_id), values):
                await asyncio.sleep(0.002)
        return self.states[item_id]


def _has(item: InboxItem | None, values: dict[str, object]) -> bool:
    return item is not None and dict(item) | values == dict(item)


def inboxes_of(state: State) -> Inboxes:
    """The server's own."""
    inboxes = state.services.inboxes
    assert isinstance(inboxes, Inboxes)
    return inboxes


async def watch(state: State, person: Person, since: int | None = None) -> FakeWatcher:
    """Somebody who watches from now on, and has been told what is asked for."""
    watcher = FakeWatcher(await identify_token(state, person.token))
    inboxes_of(state).watch(watcher, since)
    async with asyncio.timeout(scaled(10)):
        while not watcher.moments:
            await asyncio.sleep(0.002)
    return watcher
