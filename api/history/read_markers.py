"""How far a user has read an item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sqlalchemy import ColumnElement, Insert, Select, Update, and_, insert, select, update
from sqlmodel import col

from ..models import Membership
from ..rights.access import Access, Role
from ..store.statements import statement
from .events import ReadMoved
from .messages import author_of
from .transaction import RefKey, Transaction


@dataclass(frozen=True, slots=True)
class MarkRead:
    """Everything up to `seq` was read. The marker never moves back, nor beyond the head.

    Light: it changes no right, and a marker that does not move writes nothing.
    """

    light: ClassVar[bool] = True
    access: Access
    seq: int

    def refs(self) -> Sequence[RefKey]:
        """No ref: repeating it does no harm."""
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
    here = item_key, user_key
    if _move.run(transaction.connection, seq, transaction.now_ms, *here):
        return True
    if _marker.fetch(transaction.connection, *here):
        return False
    _add.run(transaction.connection, *here, seq, transaction.now_ms)
    return True


def _here(item_key: int, user_key: int) -> ColumnElement[bool]:
    return and_(col(Membership.item_key) == item_key, col(Membership.user_key) == user_key)


@statement
def _move(seq: int, now_ms: int, item_key: int, user_key: int) -> Update:
    behind = col(Membership.read_seq) < seq
    moved = {col(Membership.read_seq): seq, col(Membership.changed_at): now_ms}
    return update(Membership).where(_here(item_key, user_key), behind).values(moved)


@statement
def _marker(item_key: int, user_key: int) -> Select[int]:
    return select(col(Membership.read_seq)).where(_here(item_key, user_key))


@statement
def _add(item_key: int, user_key: int, seq: int, now_ms: int) -> Insert:
    """Of somebody let in by the item's default role or an outside token: no membership."""
    marker = {col(Membership.read_seq): seq, col(Membership.changed_at): now_ms}
    here = {col(Membership.item_key): item_key, col(Membership.user_key): user_key}
    return insert(Membership).values(here | marker)
