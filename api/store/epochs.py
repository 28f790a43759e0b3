"""New lives of logs: of a database that was put back, what clients saw last is there no more.

A cursor from before is then answered with `recovered: false`, instead of other entries under
numbers that the client has seen already.
"""

import secrets

from sqlalchemy import Connection, Select, Update, select, update
from sqlmodel import col

from ..models import Item
from .statements import statement

# Items in one round of reading and writing.
PAGE = 1000


def renew_epoch(connection: Connection, item_id: str) -> bool:
    """Give an item's log another epoch; whether there is such an item. Blocks."""
    return _renew_called.run(connection, new_epoch(), item_id) == 1


def renew_epochs(connection: Connection) -> int:
    """Give every log an epoch of its own that it never had; how many there are. Blocks."""
    renewed, last = 0, 0
    while page := [key for (key,) in _keys_after.fetch(connection, last, PAGE)]:
        _renew.run_many(connection, [(new_epoch(), key) for key in page])
        renewed, last = renewed + len(page), page[-1]
    return renewed


def new_epoch() -> str:
    """A life that no log has had."""
    return secrets.token_hex(8)


@statement
def _keys_after(key: int, limit: int) -> Select[int]:
    alive = select(col(Item.key)).where(col(Item.key) > key, col(Item.deleted_at).is_(None))
    return alive.order_by(col(Item.key)).limit(limit)


@statement
def _renew(epoch: str, key: int) -> Update:
    return update(Item).where(col(Item.key) == key).values({col(Item.epoch): epoch})


@statement
def _renew_called(epoch: str, item_id: str) -> Update:
    alive = col(Item.id) == item_id, col(Item.deleted_at).is_(None)
    return update(Item).where(*alive).values({col(Item.epoch): epoch})
