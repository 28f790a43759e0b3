"""What a member does in an item: publish, edit, delete, react. Each is a command of the writer.

Rights and refs are checked in the transaction that stores, so that a removal and a publish have
one order. Every command checks everything before it writes anything, and is therefore `light`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlmodel import col

from api.errors import Refusal
from api.history.entries import Author, Kind, digest
from api.history.transaction import RefKey, Transaction
from api.items.access import Access, Principal, Role
from api.models import EntryRow, Reaction


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to a command: where it stands in the log, and since when (ms since epoch)."""

    seq: int
    at: int
    duplicate: bool = False
    """True: it had been stored before; nothing was stored now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What all commands of a member have: who, where, and the client's own id for it."""

    light: ClassVar[bool] = True
    access: Access
    ref: str | None = None

    def refs(self) -> Sequence[RefKey]:
        """The ref this command may have been stored under before."""
        if self.ref is None:
            return ()
        return ((self.access.item_key, self.access.principal.user_key, self.ref),)

    def _authorize(self, transaction: Transaction) -> Access:
        """The right to write as it is now: what the socket was let in with may have ended."""
        return transaction.access(self.access.principal, self.access.item_id, Role.WRITER)

    def _repeated(self, transaction: Transaction, mark: bytes) -> Stored | None:
        """What this very command gave the first time, if this is a retry.

        Raises:
            Refusal: `ref_conflict` when the ref was used for something else.
        """
        if self.ref is None:
            return None
        found = transaction.stored_ref(*self.refs()[0])
        if found is None:
            return None
        # A deletion erases the digest with the body: then the ref alone tells.
        if found.digest is not None and found.digest != mark:
            raise Refusal("ref_conflict")
        return Stored(found.seq, found.at, duplicate=True)

    def _append(
        self,
        transaction: Transaction,
        kind: Kind,
        mark: bytes,
        *,
        target: int | None = None,
        body: bytes | None = None,
    ) -> Stored:
        entry = transaction.append(
            self.access.item_key,
            kind,
            author_of(self.access.principal),
            body=body,
            target=target,
            ref=self.ref,
            digest=mark if self.ref is not None else None,
        )
        return Stored(entry.seq, entry.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Act):
    """A new message. `body` is JSON as it will be sent."""

    body: bytes

    def apply(self, transaction: Transaction) -> Stored:
        """Store it; needs writer."""
        self._authorize(transaction)
        mark = digest(Kind.MESSAGE, None, self.body) if self.ref is not None else b""
        return self._repeated(transaction, mark) or self._append(
            transaction, Kind.MESSAGE, mark, body=self.body
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Act):
    """Another body for a message; for its author and admins."""

    target: int
    body: bytes

    def apply(self, transaction: Transaction) -> Stored:
        """Store the edit, and the present body in the message's own row."""
        access = self._authorize(transaction)
        mark = digest(Kind.EDIT, self.target, self.body)
        if repeated := self._repeated(transaction, mark):
            return repeated
        _own(transaction, access, self.target)
        stored = self._append(transaction, Kind.EDIT, mark, target=self.target, body=self.body)
        change = {"body": self.body, "edited_seq": stored.seq}
        transaction.connection.execute(_row(access, self.target).values(change))
        return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Act):
    """The end of a message; for its author and admins."""

    target: int

    def apply(self, transaction: Transaction) -> Stored:
        """Store the deletion, and erase the body wherever it stands."""
        access = self._authorize(transaction)
        mark = digest(Kind.DELETE, self.target, None)
        if repeated := self._repeated(transaction, mark):
            return repeated
        _own(transaction, access, self.target)
        stored = self._append(transaction, Kind.DELETE, mark, target=self.target)
        self._erase(transaction, stored.seq)
        return stored

    def _erase(self, transaction: Transaction, seq: int) -> None:
        item_key = self.access.item_key
        erased = {"body": None, "digest": None, "deleted_seq": seq}
        transaction.connection.execute(_row(self.access, self.target).values(erased))
        transaction.connection.execute(
            update(EntryRow)
            .where(
                col(EntryRow.item_key) == item_key,
                col(EntryRow.target) == self.target,
                col(EntryRow.target) > 0,  # Lets SQLite use the partial index.
                col(EntryRow.kind) == Kind.EDIT.value,
            )
            .values(erased)
        )
        transaction.connection.execute(
            delete(Reaction).where(
                col(Reaction.item_key) == item_key, col(Reaction.target) == self.target
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class React(Act):
    """Put a reaction on a message, or take one's own back."""

    target: int
    value: str
    on: bool

    def apply(self, transaction: Transaction) -> Stored:
        """Store the change; putting on what is on gives the seq of the first time."""
        self._authorize(transaction)
        body = orjson.dumps({"value": self.value, "on": self.on})
        mark = digest(Kind.REACTION, self.target, body)
        if repeated := self._repeated(transaction, mark):
            return repeated
        _message(transaction, self.access, self.target)
        standing = self._standing(transaction)
        if standing is not None and self.on:
            return standing
        if standing is None and not self.on:
            raise Refusal("not_found", "You have no such reaction on this message.")
        stored = self._append(transaction, Kind.REACTION, mark, target=self.target, body=body)
        self._change(transaction, stored.seq)
        return stored

    def _key(self) -> dict[str, Any]:
        return {
            "item_key": self.access.item_key,
            "target": self.target,
            "value": self.value,
            "user_key": self.access.principal.user_key,
        }

    def _mine(self) -> list[ColumnElement[bool]]:
        return [getattr(Reaction, name) == value for name, value in self._key().items()]

    def _standing(self, transaction: Transaction) -> Stored | None:
        transaction.flush()
        row = transaction.connection.execute(
            select(col(Reaction.seq), col(EntryRow.at))
            .join(
                EntryRow,
                (col(EntryRow.item_key) == Reaction.item_key) & (col(EntryRow.seq) == Reaction.seq),
            )
            .where(*self._mine())
        ).one_or_none()
        return None if row is None else Stored(*row, duplicate=True)

    def _change(self, transaction: Transaction, seq: int) -> None:
        if self.on:
            transaction.connection.execute(insert(Reaction).values(self._key() | {"seq": seq}))
        else:
            transaction.connection.execute(delete(Reaction).where(*self._mine()))


def author_of(principal: Principal) -> Author:
    """The principal as the author of an entry."""
    return Author(principal.user_key, principal.id, principal.name)


def _message(transaction: Transaction, access: Access, target: int) -> int:
    """The author's key of the message that a command is about, as it stands now.

    Raises:
        Refusal: `not_found` when there is none with that seq, or it was deleted.
    """
    transaction.flush()
    row = transaction.connection.execute(
        select(col(EntryRow.author_key), col(EntryRow.deleted_seq)).where(
            col(EntryRow.item_key) == access.item_key,
            col(EntryRow.seq) == target,
            col(EntryRow.kind) == Kind.MESSAGE.value,
        )
    ).one_or_none()
    if row is None or row.deleted_seq is not None:
        raise Refusal("not_found", "There is no message with this seq, or it was deleted.")
    author_key: int = row.author_key
    return author_key


def _own(transaction: Transaction, access: Access, target: int) -> None:
    """Raise Refusal unless the message exists, and is the caller's or the caller is an admin."""
    if _message(transaction, access, target) != access.principal.user_key:
        access.require(Role.ADMIN)


def _row(access: Access, target: int) -> Any:
    return update(EntryRow).where(
        col(EntryRow.item_key) == access.item_key, col(EntryRow.seq) == target
    )
