"""New lives of logs: of a database that was put back, what clients saw last is there no more.

A cursor from before is then answered with `recovered: false`, instead of other entries under
numbers that the client has seen already.
"""

import secrets

from sqlalchemy import Connection, Select, Update, select, update
from sqlmodel import col

from ..clock import clock
from ..models import Item
from .statements import statement

# Items in one round of reading and writing.
PAGE = 1000


def renew_epoch(connection: Connection, item_id: str) -> bool:
    """Give an item's log another epoch; whether there is such an item. Blocks."""
    return _renew_called.run(connection, new_epoch(), clock.milliseconds(), item_id) == 1


def renew_epochs(connection: Connection) -> int:
    """Give every log an epoch of its own that it never had; how many there are. Blocks."""
    renewed, last, now_ms = 0, 0, clock.milliseconds()
    while page := [key for (key,) in _keys_after.fetch(connection, last, PAGE)]:
        _renew.run_many(connection, [(new_epoch(), now_ms, key) for key in page])
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
def _renew(epoch: str, now_ms: int, key: int) -> Update:
    begun = {col(Item.epoch): epoch, col(Item.changed_at): now_ms}
    return update(Item).where(col(Item.key) == key).values(begun)


@statement
def _renew_called(epoch: str, now_ms: int, item_id: str) -> Update:
    alive = col(Item.id) == item_id, col(Item.deleted_at).is_(None)
    begun = {col(Item.epoch): epoch, col(Item.changed_at): now_ms}
    return update(Item).where(*alive).values(begun)
