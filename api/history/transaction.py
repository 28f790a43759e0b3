"""The writer's unit of work: what a command sees and does inside one database transaction."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, assert_never

from sqlalchemy import Connection, Select, Update, select, update
from sqlmodel import Session, col

from api.history import pile
from api.history.entries import Author, Entry, Kind
from api.history.events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    Event,
    ItemDeleted,
    MemberChanged,
    ReadMoved,
    UserRenamed,
)
from api.models import Item, LoggedRow
from api.rights import versions
from api.rights.access import Access, Credential, Principal, Role, clock_ms, grant
from api.rights.standing import load_standing
from api.store.lookups import Lookup, Searched
from api.store.sessions import changing
from api.store.statements import statement

RefKey = tuple[int, int, str]
"""(item_key, author_key, ref)"""


class StoredRef(NamedTuple):
    """What is on disk under a ref."""

    seq: int
    at: int
    digest: bytes | None


@dataclass(slots=True)
class Memory:
    """What the only writer remembers of the database between batches.

    Exact, because everything that changes a head, a role or a credential goes through this
    writer; a command that may change rights makes it forget (`Writer._apply_alone`).
    """

    heads: dict[int, int] = field(default_factory=dict)
    accesses: dict[tuple[int, str, str, str], Access] = field(default_factory=dict)
    """By user key, kind and id of the credential, and item id."""
    limit: int = 50_000
    moment: int = 0
    """The newest that was given out, in epoch milliseconds: the next is not before it."""

    def forget(self) -> None:
        """Start over from the database."""
        self.heads.clear()
        self.accesses.clear()

    def trim(self) -> None:
        """Keep memory bounded; starting over now and then is cheaper than an order of use."""
        if len(self.heads) > self.limit or len(self.accesses) > self.limit:
            self.forget()


class Transaction:
    """One transaction of the writer. Lives in the writer's thread, may block.

    Entries are collected and stored in bulk: `flush` before reading them back.
    """

    def __init__(self, connection: Connection, memory: Memory) -> None:
        self.connection = connection
        self.now_ms = clock_ms()
        self.events: list[Event] = []
        self._memory = memory
        self._refs: dict[RefKey, StoredRef] = {}
        self._looked_up: set[RefKey] = set()
        self._pending: list[pile.NewEntry] = []
        self._moved: dict[int, int] = {}

    def session(self) -> AbstractContextManager[Session]:
        """A SQLModel session inside this transaction, in a savepoint that ends with the block."""
        return changing(self.connection)

    def emit(self, event: Event) -> None:
        """Tell the live side, after the commit.

        What it tells of rights moves their version now, in the same transaction: nobody can change
        a right that sockets hear of, and leave those who remember it in the belief that it stands.
        """
        match event:
            case MemberChanged() | DefaultRoleChanged() | ItemDeleted():
                versions.bump_item.run(self.connection, event.item_key)
            case CredentialsEnded() | UserRenamed():
                versions.bump_user.run(self.connection, event.user_key)
            case EntryStored() | ReadMoved():
                pass
            case _ as unknown:
                assert_never(unknown)
        self.events.append(event)

    def access(self, principal: Principal, item_id: str, needed: Role) -> Access:
        """Judge a principal by what the database says now, in this transaction.

        Raises:
            Refusal: as `grant`, and `forbidden`.
        """
        credential = principal.credential
        key = (principal.user_key, credential.kind, credential.id, item_id)
        access = self._memory.accesses.get(key)
        if access is None or access.principal is not principal or self._is_over(credential):
            known = access.standing if access is not None else None
            standing = known or load_standing(self.connection, principal, item_id)
            access = grant(principal, standing, now_ms=self.now_ms)
            self._memory.accesses[key] = access
        access.require(needed)
        return access

    def _is_over(self, credential: Credential) -> bool:
        return credential.expires_at is not None and self.now_ms >= credential.expires_at

    def moment(self) -> int:
        """Now in milliseconds, and never less than it was: for what must come before or after.

        What people are shown has the clock's own time, right or wrong: else a clock that was
        ahead for a minute would stop it for hours.
        """
        self._memory.moment = max(self._memory.moment, clock_ms())
        return self._memory.moment

    def reach(self, moment: int) -> None:
        """Something is of this moment: what comes after it must have a later one."""
        self._memory.moment = max(self._memory.moment, moment)

    def look_up_refs(self, keys: Iterable[RefKey]) -> None:
        """Learn in one query what is stored under many refs."""
        wanted = [key for key in keys if key not in self._looked_up]
        found = _STORED_REFS.fetch(self.connection, wanted)
        for item_key, author_key, ref, seq, at, mark in found:
            self._refs[item_key, author_key, ref] = StoredRef(seq, at, mark)
        self._looked_up.update(wanted)

    def stored_ref(self, item_key: int, author_key: int, ref: str) -> StoredRef | None:
        """What was stored under a ref before, in this transaction or an earlier one."""
        key = (item_key, author_key, ref)
        if key not in self._looked_up:
            self.look_up_refs([key])
        return self._refs.get(key)

    def append(
        self,
        item_key: int,
        kind: Kind,
        author: Author,
        *,
        body: bytes | None = None,
        target: int | None = None,
        ref: str | None = None,
        digest: bytes | None = None,
    ) -> Entry:
        """Give the item's next seq to a new entry, and tell the live side of it."""
        seq = self.head(item_key) + 1
        self._memory.heads[item_key] = self._moved[item_key] = seq
        entry = Entry(item_key, seq, kind, author, self.now_ms, ref=ref, target=target, body=body)
        self._pending.append(
            (item_key, seq, kind.value, author.key, self.now_ms, ref, digest, target, body)
        )
        if ref is not None:
            self._refs[item_key, author.key, ref] = StoredRef(seq, self.now_ms, digest)
        self.events.append(EntryStored(entry))
        return entry

    def head(self, item_key: int) -> int:
        """The newest seq of an item, those of this transaction included."""
        if item_key not in self._memory.heads:
            ((self._memory.heads[item_key],),) = _head.fetch(self.connection, item_key)
        return self._memory.heads[item_key]

    def discard(self, events: int) -> None:
        """Forget what was appended but not flushed, and all events after the first `events`."""
        self._pending, self._moved = [], {}
        del self.events[events:]
        self._refs.clear()
        self._looked_up.clear()

    def settle(self, item_key: int) -> None:
        """Store what was appended, and bring all entries of an item where they can be changed."""
        self.flush()
        pile.settle(self.connection, item_key)

    def settle_all(self) -> None:
        """Bring all entries to their places."""
        self.flush()
        pile.settle_all(self.connection)

    def flush(self) -> None:
        """Store what was appended, and move the heads: one statement each."""
        if self._pending:
            pile.store(self.connection, self._pending, items=len(self._moved))
            self._pending = []
        if self._moved:
            moved = [(head, self.now_ms, item_key) for item_key, head in self._moved.items()]
            _move_head.run_many(self.connection, moved)
            self._moved = {}


def _stored_refs(table: type[LoggedRow]) -> Searched:
    key = col(table.item_key), col(table.author_key), col(table.ref)
    return select(*key, col(table.seq), col(table.at), col(table.digest)), key


_STORED_REFS: Lookup[RefKey, tuple[int, int, str, int, int, bytes | None]] = Lookup(
    *map(_stored_refs, pile.TABLES)
)


@statement
def _head(item_key: int) -> Select[int]:
    return select(col(Item.head)).where(col(Item.key) == item_key)


@statement
def _move_head(head: int, active_at: int, item_key: int) -> Update:
    moved = {col(Item.head): head, col(Item.active_at): active_at}
    return update(Item).where(col(Item.key) == item_key).values(moved)
