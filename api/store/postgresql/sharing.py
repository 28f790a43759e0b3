"""Many processes write to one database: rows are locked, in one order, and then read.

In READ COMMITTED each statement sees what is committed when it begins. So what is read *after* a
lock was taken holds until the commit; what the locking statement itself read by a join may be older
than its lock, and nothing is judged by that.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, Select, cast, func, select
from sqlmodel import col

from ...models import Item, User
from ...settings import Settings
from ..arrays import BigIntegers, among
from ..sharing import Held, ItemState
from ..statements import statement
from . import database, lock
from .flush import store
from .notices import PostgresqlNotices
from .swap import swap

# The first part of a segment's name. What pg_control_checkpoint says comes later: with the first
# checkpoint after a promotion.
TIMELINE_DIGITS = 8


class PostgresqlSharing:
    """The locks of PostgreSQL's rows, and further connections."""

    store = staticmethod(store)
    swap = staticmethod(swap)

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def hold(self, connection: Connection, items: Sequence[int], users: Sequence[int]) -> Held:
        """Items against everybody, users against a change of theirs."""
        held = _hold_items.fetch(connection, BigIntegers(items)) if items else ()
        rights = _hold_users.fetch(connection, BigIntegers(users)) if users else ()
        return Held({key: ItemState(head, version) for key, head, version in held}, dict(rights))

    def hold_place(self, connection: Connection, item_id: str, users: Sequence[int]) -> None:
        """The item first."""
        _hold_item_called.fetch(connection, item_id)
        _hold_users.fetch(connection, BigIntegers(users))

    def hold_user(self, connection: Connection, user_key: int) -> None:
        """Those who publish wait too."""
        _hold_user.fetch(connection, user_key)

    def hold_turn(self, connection: Connection) -> bool:
        """Never waits."""
        driver: Any = connection.connection.driver_connection
        return lock.take_turn(driver)

    def life(self, connection: Connection) -> str:
        """The timeline on which it writes; a standby has none, and raises."""
        ((segment,),) = _segment.fetch(connection)
        return segment[:TIMELINE_DIGITS]

    def notices(self) -> PostgresqlNotices:
        """On connections of their own."""
        return PostgresqlNotices(self._settings)

    def open_aside(self) -> Engine:
        """A commit there waits for no disk."""
        return database.open_aside_engine(self._settings)

    def now(self, connection: Connection) -> int:
        """That of the server, and not of the transaction's beginning."""
        ((now,),) = _now.fetch(connection)
        return now


# The order is kept although rows may change while they are waited for: no key ever does.
@statement
def _hold_items(keys: BigIntegers) -> Select[int, int, int]:
    found = select(col(Item.key), col(Item.head), col(Item.rights))
    held = found.where(among(col(Item.key), keys)).order_by(col(Item.key))
    return held.with_for_update(key_share=True)


@statement
def _hold_users(keys: BigIntegers) -> Select[int, int]:
    found = select(col(User.key), col(User.rights)).where(among(col(User.key), keys))
    return found.order_by(col(User.key)).with_for_update(read=True)


@statement
def _hold_item_called(item_id: str) -> Select[int]:
    found = select(col(Item.key)).where(col(Item.id) == item_id)
    return found.with_for_update(key_share=True)


@statement
def _hold_user(key: int) -> Select[int]:
    return select(col(User.key)).where(col(User.key) == key).with_for_update(key_share=True)


@statement
def _segment() -> Select[str]:
    return select(func.pg_walfile_name(func.pg_current_wal_lsn()))


@statement
def _now() -> Select[int]:
    seconds = func.extract("epoch", func.clock_timestamp())
    return select(cast(func.floor(seconds * 1000), BigInteger))
