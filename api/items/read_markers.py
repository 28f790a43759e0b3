"""How far a user has read an item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import exists, insert, select, update
from sqlmodel import col

from api.history.events import ReadMoved
from api.history.messages import author_of
from api.history.transaction import RefKey, Transaction
from api.items.access import Access, Role
from api.models import Membership


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Everything up to `seq` was read. The marker never moves back, nor beyond the head.

    Light: it changes no right, and a marker that does not move writes nothing.
    """

    light: ClassVar[bool] = True
    access: Access
    seq: int

    def refs(self) -> Sequence[RefKey]:
        """None: repeating it does no harm."""
        return ()

    def apply(self, transaction: Transaction) -> None:
        """Move the marker; needs reader."""
        principal, item_key = self.access.principal, self.access.item_key
        transaction.access(principal, self.access.item_id, Role.READER)
        seq = min(self.seq, transaction.head(item_key))
        if seq > 0 and _moved(transaction, item_key, principal.user_key, seq):
            transaction.emit(ReadMoved(item_key, author_of(principal), seq))


def _moved(transaction: Transaction, item_key: int, user_key: int, seq: int) -> bool:
    """Whether the marker stood before `seq`; now it stands there."""
    here = (col(Membership.item_key) == item_key, col(Membership.user_key) == user_key)
    behind = update(Membership).where(*here, col(Membership.read_seq) < seq).values(read_seq=seq)
    if transaction.connection.execute(behind).rowcount:
        return True
    if transaction.connection.execute(select(exists().where(*here))).scalar_one():
        return False
    # Somebody let in by the item's default role or an outside token: a marker, no membership.
    row = {"item_key": item_key, "user_key": user_key, "role": None, "read_seq": seq}
    transaction.connection.execute(insert(Membership).values(row))
    return True
