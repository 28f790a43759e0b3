"""A store with somebody who watches: what they were shown, and what is true."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import orjson
from sqlalchemy import select
from sqlmodel import col

from api.errors import Refusal
from api.history.commits import Commits
from api.history.messages import Delete, Edit, Publish
from api.history.read_markers import MarkRead
from api.inbox.reading import read_states
from api.items.members import remove_member, set_member
from api.items.schemas import ItemChange, NewItem
from api.items.service import change_item, create_item, delete_item
from api.live.inboxes import Inboxes
from api.live.shared_frames import InboxItem
from api.models import Membership
from api.rights.access import Principal, Role
from api.settings import Settings
from tests.live.world import until
from tests.stores import Store

Fields = dict[str, Any]


class Client:
    """A client that keeps what it was told, over any number of connections."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal
        self.is_slow = False
        self.told: list[Fields] = []
        self.items: dict[str, Fields] = {}
        self.answers = 0
        self.since: int | None = None

    def tell_items(self, items: Sequence[InboxItem]) -> bool:
        if self.is_slow:
            return False
        for item in map(dict, items):
            self.told.append(item)
            item_id = item["item"]["id"]  # type: ignore[index] # a dictionary, as any of these
            if item["role"] is None:
                assert item | {"item": None, "active_at": None} == EMPTY
                self.items.pop(item_id, None)
            else:
                self.items[item_id] = item
        return True

    def is_watching(self, at: int) -> None:
        self.answers += 1
        self.since = max(self.since or 0, at)

    def refuse(self, refusal: Refusal) -> None:
        raise AssertionError(refusal.code)


EMPTY = {
    "item": None,
    "role": None,
    "head": 0,
    "read_seq": 0,
    "unread": 0,
    "mentions": 0,
    "last": None,
    "active_at": None,
}


class Scene(Store):
    """Acts on items as people do; each act has been stored when it returns."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.people: dict[str, Principal] = {}
        self.inboxes = Inboxes(self.readers, None)
        commits = Commits()
        commits.listen(self.inboxes.committed)
        self.writer._settlement._commits = commits

    async def __aenter__(self) -> "Scene":
        await super().__aenter__()
        self.inboxes.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.inboxes.stop()
        await super().__aexit__(*error)

    async def create(self, item_id: str, by: str = "ada", **fields: Any) -> None:
        wanted = NewItem(id=item_id, **fields)
        await self.writer.call(partial(create_item, principal=self.people[by], wanted=wanted))

    async def set_role(self, item_id: str, name: str, role: Role | None) -> None:
        access = await self.access(self.people["ada"], item_id)
        if role is None:
            await self.writer.call(partial(remove_member, access=access, username=name))
        else:
            await self.writer.call(partial(set_member, access=access, username=name, role=role))

    async def say(self, item_id: str, by: str, *names: str) -> int:
        access = await self.access(self.people[by], item_id)
        command = Publish(access=access, body=naming(*names))
        return (await self.writer.execute(command)).seq

    async def change(self, item_id: str, seq: int, *names: str) -> None:
        access = await self.access(self.people["ada"], item_id)
        await self.writer.execute(Edit(access=access, target=seq, body=naming(*names)))

    async def drop(self, item_id: str, seq: int) -> None:
        access = await self.access(self.people["ada"], item_id)
        await self.writer.execute(Delete(access=access, target=seq))

    async def read(self, item_id: str, by: str, seq: int) -> None:
        await self.writer.execute(MarkRead(await self.access(self.people[by], item_id), seq))

    async def patch(self, item_id: str, **change: Any) -> None:
        access = await self.access(self.people["ada"], item_id)
        wanted = ItemChange.model_validate(change)
        await self.writer.call(partial(change_item, access=access, change=wanted))

    async def end(self, item_id: str) -> None:
        access = await self.access(self.people["ada"], item_id)
        await self.writer.call(partial(delete_item, access=access))

    async def truth(self, principal: Principal) -> dict[str, Fields]:
        """All items of a user as they stand."""

        def look(connection: Any) -> dict[str, Fields]:
            query = select(col(Membership.item_key), col(Membership.user_key)).where(
                col(Membership.user_key) == principal.user_key
            )
            pairs = [(item, user) for item, user in connection.execute(query)]
            states = read_states(connection, pairs)
            roles = [(state, state.role_of(principal)) for state in states]
            return {state.item_id: state.fields(role) for state, role in roles if role}

        return await self.readers.read(look)

    async def watch(self, client: Client) -> None:
        """Come in, and be told what was missed."""
        before = client.answers
        self.inboxes.watch(client, client.since)
        await until(lambda: client.answers > before)


def naming(*names: str) -> bytes:
    return orjson.dumps({"text": "hi", "mentions": names})


async def tried(act: Any) -> None:
    """An act that may be refused: then nothing has happened."""
    with suppress(Refusal):
        await act
