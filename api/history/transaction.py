"""The writer's unit of work: what a command sees and does inside one database transaction."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, select
from sqlmodel import Session, col

from api.database import execute_many, fetch
from api.history.entries import Author, Entry, Kind
from api.history.events import EntryStored, Event
from api.items.access import (
    Access,
    Credential,
    Principal,
    Role,
    clock_ms,
    grant,
    load_standing,
)
from api.models import Item

RefKey = tuple[int, int, str]
"""(item_key, author_key, ref)"""


@dataclass(frozen=True, slots=True)
class StoredRef:
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
        self._pending: list[tuple[object, ...]] = []
        self._moved: dict[int, int] = {}

    @contextmanager
    def session(self) -> Iterator[Session]:
        """An ORM session inside this transaction, in a savepoint that ends with the block."""
        with Session(
            bind=self.connection,
            join_transaction_mode="create_savepoint",
            expire_on_commit=False,
        ) as session:
            yield session
            session.commit()

    def emit(self, event: Event) -> None:
        """Tell the live side, after the commit."""
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

    def look_up_refs(self, keys: Iterable[RefKey]) -> None:
        """Learn in one query what is stored under many refs."""
        wanted = [key for key in keys if key not in self._looked_up]
        for start in range(0, len(wanted), 300):  # SQLite binds 999 values at the least.
            part = wanted[start : start + 300]
            query = _STORED_REFS.format(", ".join(["(?, ?, ?)"] * len(part)))
            values = tuple(value for key in part for value in key)
            for item_key, author_key, ref, *found in fetch(self.connection, query, values):
                self._refs[item_key, author_key, ref] = StoredRef(*found)
            self._looked_up.update(part)

    def stored_ref(self, item_key: int, author_key: int, ref: str) -> StoredRef | None:
        """What was stored under a ref before, in this transaction or an earlier one."""
        key = (item_key, author_key, ref)
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
        self.emit(EntryStored(entry))
        return entry

    def head(self, item_key: int) -> int:
        """The newest seq of an item, those of this transaction included."""
        if item_key not in self._memory.heads:
            query = select(col(Item.head)).where(col(Item.key) == item_key)
            self._memory.heads[item_key] = self.connection.execute(query).scalar_one()
        return self._memory.heads[item_key]

    def discard(self, events: int) -> None:
        """Forget what was appended but not flushed, and all events after the first `events`."""
        self._pending, self._moved = [], {}
        del self.events[events:]
        self._refs.clear()
        self._looked_up.clear()

    def flush(self) -> None:
        """Store what was appended, and move the heads: one statement each."""
        if self._pending:
            execute_many(self.connection, _INSERT, self._pending)
            self._pending = []
        if self._moved:
            moved = [(head, self.now_ms, item_key) for item_key, head in self._moved.items()]
            execute_many(self.connection, _MOVE_HEAD, moved)
            self._moved = {}


# For `(…) IN (VALUES …)` SQLite scans the whole index; a join it answers with a search a ref.
_STORED_REFS = """
    WITH wanted (item_key, author_key, ref) AS (VALUES {})
    SELECT e.item_key, e.author_key, e.ref, e.seq, e.at, e.digest
    FROM wanted AS w CROSS JOIN entry AS e
    ON e.item_key = w.item_key AND e.author_key = w.author_key AND e.ref = w.ref
"""
# The driver's own executemany: Core spends three times as long on turning rows into parameters.
_INSERT = """
    INSERT INTO entry (item_key, seq, kind, author_key, at, ref, digest, target, body)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_MOVE_HEAD = "UPDATE item SET head = ?, active_at = ? WHERE key = ?"
