"""Somebody at a socket for many items, in process."""

from typing import Any

from api.live.opening import Entrance
from api.live.shared_connection import SharedConnection
from api.rights.access import Access
from api.rights.standing import NO_ITEM, load_standing
from tests.live.fakes import Fields
from tests.live.world import Talker, World, until


class Joiner(Talker):
    """A client that may have joined any number of items; as `Talker`."""

    def __init__(self, world: World, access: Access, **how: Any) -> None:
        super().__init__(world, access, **how)
        self.shared = SharedConnection(self.services, self.socket, self.codec, access.principal)

    def sends(self, data: bytes, *, is_text: bool = True) -> None:
        self.shared.received(data, is_text=is_text)

    def leaves(self) -> None:
        self.shared.lost()

    def of(self, item: str, *types: str) -> list[Fields]:
        """What was said of an item, perhaps of some types only."""
        said = [fields for fields in self.socket.said if item_of(fields) == item]
        return [fields for fields in said if not types or fields["type"] in types]

    async def hears_of(self, item: str, *types: str, count: int = 1) -> Fields:
        """Wait for frames about an item; the last of them."""
        await until(lambda: len(self.of(item, *types)) >= count)
        return self.of(item, *types)[-1]

    async def joins(self, item: str, **beginning: object) -> Fields:
        """Join and catch up; the welcome."""
        lives = len(self.of(item, "live"))
        self.says("join", item=item, **beginning)
        await self.hears_of(item, "live", count=lives + 1)
        return self.of(item, "welcome")[-1]


def item_of(fields: Fields) -> object:
    """The id of the item that a frame is about; None: the socket itself."""
    item = fields.get("item")
    return item["id"] if isinstance(item, dict) else item


async def greet(world: World, name: str = "ada", **how: Any) -> Joiner:
    """In comes somebody, who has joined nothing yet; `how` as `Talker`."""
    principal = how.pop("principal", world.people[name])
    joiner = Joiner(world, await world.access(principal, "doc"), **how)
    moment = world.hub.moment
    standing = await world.readers.read(load_standing, principal, NO_ITEM)
    joiner.shared.open(Entrance(principal, standing, moment))
    return joiner
