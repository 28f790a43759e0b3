"""What a member does in an item: publish, edit, delete, react. Each is a command of the writer.

Rights and refs are checked in the transaction that stores, so that a removal and a publish have
one order. Every command checks everything before it writes anything, and is therefore `light`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import orjson

from ..errors import Refusal
from ..rights.access import Access, Principal, Role
from . import mentions, rows
from .entries import Author, Kind, digest
from .stream_rows import find_stream, remove_pieces, remove_stream
from .transaction import RefKey, Transaction


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer to a command: where it stands in the log, and since when (ms since epoch)."""

    seq: int
    at: int
    duplicate: bool = False
    """True: it had been stored before; nothing was stored now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What all commands of a member have: who, where, and the client's own id for it."""

    light: ClassVar[bool] = True
    access: Access
    ref: str | None = None

    def refs(self) -> Sequence[RefKey]:
        """The ref this command may have been stored under before."""
        if self.ref is None:
            return ()
        return ((self.access.item_key, self.access.principal.user_key, self.ref),)

    def authorize(self, transaction: Transaction) -> Access:
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
        told: bytes | None = None,
        lengths: dict[int, int] | None = None,
    ) -> Stored:
        entry = transaction.append(
            self.access.item_key,
            kind,
            author_of(self.access.principal),
            body=body,
            target=target,
            ref=self.ref,
            digest=mark if self.ref is not None else None,
            via=via_of(self.access.principal),
            told=told,
            lengths=lengths,
        )
        return Stored(entry.seq, entry.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish(Change):
    """A new message. `body` is JSON as it will be sent."""

    body: bytes
    said: bytes | None = None
    """What the client sent where another body is stored: it is what a retry repeats."""

    def apply(self, transaction: Transaction) -> Stored:
        """Store it; needs writer."""
        self.authorize(transaction)
        mark = digest(Kind.MESSAGE, None, self.said or self.body) if self.ref is not None else b""
        return self._repeated(transaction, mark) or self._append(
            transaction, Kind.MESSAGE, mark, body=self.body
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit(Change):
    """Another body for a message; for its author and admins."""

    target: int
    body: bytes
    said: bytes | None = None
    """As that of `Publish`."""

    def apply(self, transaction: Transaction) -> Stored:
        """Store the edit, and the present body in the message's own row."""
        access = self.authorize(transaction)
        mark = digest(Kind.EDIT, self.target, self.said or self.body)
        if repeated := self._repeated(transaction, mark):
            return repeated
        author_key = _own(transaction, access, self.target)
        if find_stream.fetch(transaction.connection, access.item_key, self.target):
            raise Refusal("stream_open")
        stored = self._append(transaction, Kind.EDIT, mark, target=self.target, body=self.body)
        message = access.item_key, self.target
        rows.change_message.run(transaction.connection, self.body, stored.seq, *message)
        mentions.replace(transaction.connection, *message, author_key, self.body)
        return stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Change):
    """The end of a message; for its author and admins."""

    target: int

    def apply(self, transaction: Transaction) -> Stored:
        """Store the deletion, and erase the body wherever it stands."""
        access = self.authorize(transaction)
        mark = digest(Kind.DELETE, self.target, None)
        if repeated := self._repeated(transaction, mark):
            return repeated
        _own(transaction, access, self.target)
        stored = self._append(transaction, Kind.DELETE, mark, target=self.target)
        self._erase(transaction, stored.seq)
        return stored

    def _erase(self, transaction: Transaction, seq: int) -> None:
        message = self.access.item_key, self.target
        rows.erase_message.run(transaction.connection, seq, *message)
        mentions.remove.run(transaction.connection, *message)
        remove_pieces.run(transaction.connection, *message)
        remove_stream.run(transaction.connection, *message)
        rows.erase_edits.run(transaction.connection, seq, *message)
        rows.erase_reactions.run(transaction.connection, *message)


@dataclass(frozen=True, slots=True, kw_only=True)
class React(Change):
    """Put a reaction on a message, or take one's own back."""

    target: int
    value: str
    on: bool

    def apply(self, transaction: Transaction) -> Stored:
        """Store the change; putting on what is on gives the seq of the first time."""
        self.authorize(transaction)
        body = orjson.dumps({"value": self.value, "on": self.on})
        mark = digest(Kind.REACTION, self.target, body)
        if repeated := self._repeated(transaction, mark):
            return repeated
        find_author_key(transaction, self.access, self.target)
        standing = self._standing(transaction)
        if standing is not None and self.on:
            return standing
        if standing is None and not self.on:
            raise Refusal("not_found", "You have no such reaction on this message.")
        stored = self._append(transaction, Kind.REACTION, mark, target=self.target, body=body)
        self._change(transaction, stored.seq)
        return stored

    def _key(self) -> tuple[int, int, str, int]:
        return self.access.item_key, self.target, self.value, self.access.principal.user_key

    def _standing(self, transaction: Transaction) -> Stored | None:
        transaction.flush()
        for seq, at in rows.find_reaction.fetch(transaction.connection, *self._key()):
            return Stored(seq, at, duplicate=True)
        return None

    def _change(self, transaction: Transaction, seq: int) -> None:
        if self.on:
            rows.add_reaction.run(transaction.connection, *self._key(), seq)
        else:
            rows.remove_reaction.run(transaction.connection, *self._key())


def author_of(principal: Principal) -> Author:
    """The principal as the author of an entry."""
    return Author(principal.user_key, principal.id, principal.name)


def via_of(principal: Principal) -> str | None:
    """The key that acts for them, as an entry has it."""
    return None if principal.via is None else principal.via.name


def find_author_key(transaction: Transaction, access: Access, target: int) -> int:
    """The author's key of the message that a command is about, as it stands now.

    Raises:
        Refusal: `not_found` when there is none with that seq, or it was deleted.
    """
    transaction.settle(access.item_key)
    found = rows.find_message.fetch(transaction.connection, access.item_key, target)
    authors = [author_key for author_key, deleted_seq in found if deleted_seq is None]
    if not authors:
        raise Refusal("not_found", "There is no message with this seq, or it was deleted.")
    return authors[0]


def _own(transaction: Transaction, access: Access, target: int) -> int:
    """The author's key; raises Refusal unless it is the caller's, or the caller is an admin."""
    author_key = find_author_key(transaction, access, target)
    if author_key != access.principal.user_key:
        access.require(Role.ADMIN)
    return author_key
