"""What the tests of items share: users of a running application, and an item with one of each."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from api.history.commits import Commits
from api.history.events import Event
from api.settings import Settings
from api.state import State
from tests.accounts.conftest import ada, visit
from tests.databases import provided
from tests.people import People, Person

__all__ = ["ada", "visit"]


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """A migrated database; a test may change settings by indirect parameters."""
    return provided(tmp_path, **{"port": 0} | getattr(request, "param", {}))


@dataclass(frozen=True)
class Cast:
    """The users of an item, by what they may do in it."""

    admin: Person
    writer: Person
    reader: Person
    stranger: Person


@pytest.fixture
async def cast(people: People) -> Cast:
    """The item `doc` with a member of each role, and somebody who is none."""
    admin, writer = await people.add("root"), await people.add("ada")
    reader, stranger = await people.add("eve"), await people.add("mallory")
    await admin.do("POST", "/items", json={"id": "doc", "title": "The document"})
    await admin.do("PUT", "/items/doc/members/ada", json={"role": "writer"})
    await admin.do("PUT", "/items/doc/members/eve", json={"role": "reader"})
    return Cast(admin, writer, reader, stranger)


@pytest.fixture
def events(state: State, monkeypatch: pytest.MonkeyPatch) -> list[Event]:
    """What the live side is told from now on."""
    told: list[Event] = []
    commits = Commits()
    commits.listen(told.extend)
    monkeypatch.setattr(state.writer._settlement, "_commits", commits)
    return told
