"""What the tests of invites share: an item's people, and links to it."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.items.conftest import Cast, cast, events, settings, visit
from tests.people import Person

__all__ = ["Cast", "Invites", "cast", "events", "invites", "settings", "visit"]


@dataclass(frozen=True)
class Invites:
    """What people do with invites to the item `doc`."""

    cast: Cast

    async def make(self, role: str = "writer", *, by: Person | None = None, **wish: Any) -> Any:
        """A new one, of the admin's or somebody else's."""
        wanted = {"role": role} | wish
        return await (by or self.cast.admin).do("POST", "/items/doc/invites", json=wanted)

    async def listed(self) -> Any:
        """Those that were not ended."""
        return (await self.cast.admin.do("GET", "/items/doc/invites"))["invites"]


@pytest.fixture
def invites(cast: Cast) -> Invites:
    return Invites(cast)


async def accept(person: Any, invite: Any) -> Any:
    return await person.do("POST", "/invites/accept", json={"token": invite["token"]})


async def accept_code(person: Any, invite: Any) -> str:
    return str(await person.code("POST", "/invites/accept", json={"token": invite["token"]}))


async def look(person: Any, invite: Any) -> Any:
    return await person.do("POST", "/invites/look", json={"token": invite["token"]})
