"""The lives of a log: a new one begins when it has lost entries that were acknowledged."""

from sqlalchemy import Update, update
from sqlmodel import col

from ..models import Item
from ..store.epochs import new_epoch
from ..store.statements import statement
from .transaction import Transaction


def begin_epoch(transaction: Transaction, *, item_key: int, former: str) -> None:
    """Give the log another epoch, unless somebody has done so: what clients know is not there.

    The version of rights moves along, so that every node sees it.
    """
    _begin.run(transaction.connection, new_epoch(), transaction.now_ms, item_key, former)


@statement
def _begin(epoch: str, now_ms: int, item_key: int, former: str) -> Update:
    begun = {
        col(Item.epoch): epoch,
        col(Item.rights): col(Item.rights) + 1,
        col(Item.changed_at): now_ms,
    }
    return update(Item).where(col(Item.key) == item_key, col(Item.epoch) == former).values(begun)
