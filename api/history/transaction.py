"""The writer's unit of work: what a command sees and does inside one database transaction."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Connection, Select, Update, select, update
from sqlmodel import Session, col

from ..models import Item, LoggedRow
from ..rights import versions
from ..rights.access import Access, Principal, Role, Standing, clock_ms, grant
from ..rights.standing import load_standing
from ..store.lookups import Lookup, Searched
from ..store.sessions import changing
from ..store.sharing import Held, ItemMove, NewEntry, NewMessage, Sharing
from ..store.statements import statement
from . import mentions, pile
from .entries import Author, Entry, Kind
from .events import (
    CredentialsEnded,
    DefaultRoleChanged,
    EntryStored,
    Event,
    ItemDeleted,
    MemberChanged,
    UserDisconnected,
    UserRenamed,
)

RefKey = tuple[int, int, str]
"""(item_key, author_key, ref)"""


AccessKey = tuple[int, str, str, str]
"""user_key, kind and id of the credential, item_id"""


class StoredRef(NamedTuple):
    """What is on disk under a ref."""

    seq: int
    at: int
    digest: bytes | None


@dataclass(slots=True)
class Memory:
    """What a writer remembers of the database between batches.

    Exact while nobody else writes, since a command that may change rights makes the writer forget;
    beside others, while the versions of item and user are those that a standing was read with.
    """

    heads: dict[int, int] = field(default_factory=dict)
    accesses: dict[AccessKey, Access] = field(default_factory=dict)
    limit: int = 50_000
    moment: int = 0
    """The newest that was given out, in epoch milliseconds: the next is not before it."""

    def forget(self) -> None:
        """Start over from the database."""
        self.heads.clear()
        self.accesses.clear()

    def recall(self, principal: Principal, item_id: str, now_ms: int) -> Access | None:
        """Their access, as it was when it was judged last; None: it is to be judged."""
        access = self.accesses.get(access_key(principal, item_id))
        if access is None or access.principal is not principal:
            return None
        until = principal.sure_until
        return None if until is not None and now_ms >= until else access

    def fresh(self) -> "Memory":
        """One that remembers nothing but the time."""
        return Memory(moment=self.moment)

    def learn(self, held: Held, accesses: Iterable[Access]) -> None:
        """These rows are held: heads are as they say, and of those rights what others changed
        is forgotten.
        """
        self.heads.update((key, item.head) for key, item in held.items.items())
        for access in accesses:
            key = access_key(access.principal, access.item_id)
            known = self.accesses.get(key)
            if known is not None and not _is_current(known, held):
                del self.accesses[key]

    def trim(self) -> None:
        """Keep memory bounded; starting over now and then is cheaper than an order of use."""
        if len(self.heads) > self.limit or len(self.accesses) > self.limit:
            self.forget()


def access_key(principal: Principal, item_id: str) -> AccessKey:
    """What an access is remembered by."""
    credential = principal.credential
    return (principal.user_key, credential.kind, credential.id, item_id)


def _is_current(known: Access, held: Held) -> bool:
    if held.items[known.item_key].rights != known.standing.item_rights:
        return False
    return all(held.users[key] == version for key, version in known.users.items())


class Transaction:
    """One transaction of the writer. Lives in the writer's thread, may block.

    Entries are collected and stored in bulk: `flush` before reading them back.

    Args:
        connection: in a transaction.
        memory: what is remembered.
        sharing: how others who write are kept off; None: nobody else does.
    """

    def __init__(
        self, connection: Connection, memory: Memory, sharing: Sharing | None = None
    ) -> None:
        self.connection = connection
        self._sharing = sharing
        self.now_ms = clock_ms()
        self.events: list[Event] = []
        self._memory = memory
        self._refs: dict[RefKey, StoredRef] = {}
        self._looked_up: set[RefKey] = set()
        self._pending: list[NewEntry] = []
        self._mentions: list[mentions.NewMention] = []
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
            case CredentialsEnded() | UserRenamed() | UserDisconnected():
                versions.bump_user.run(self.connection, event.user_key)
        self.events.append(event)

    def access(self, principal: Principal, item_id: str, needed: Role) -> Access:
        """Judge a principal by what the database says now, in this transaction.

        Raises:
            Refusal: as `grant`, and `forbidden`.
        """
        access = self._memory.recall(principal, item_id, self.now_ms)
        if access is None:
            key = access_key(principal, item_id)
            former = self._memory.accesses.get(key)
            standing = self.standing(principal, item_id) if former is None else former.standing
            access = grant(principal, standing, now_ms=self.now_ms)
            self._memory.accesses[key] = access
        access.require(needed)
        return access

    def standing(self, principal: Principal, item_id: str) -> Standing:
        """What the database says, and goes on saying until the commit."""
        if self._sharing is not None:
            users = {principal.user_key}
            if principal.via is not None:
                users.add(principal.via.user_key)
            self._sharing.hold_place(self.connection, item_id, sorted(users))
        return load_standing(self.connection, principal, item_id)

    def hold_item(self, item_key: int) -> None:
        """Until the commit nobody else changes the item or its log."""
        if self._sharing is not None:
            self._sharing.hold(self.connection, [item_key], [])

    def hold_user(self, user_key: int) -> None:
        """Until the commit nobody else begins or ends what this user can sign in with."""
        if self._sharing is not None:
            self._sharing.hold_user(self.connection, user_key)

    def hold_turn(self) -> bool:
        """Whether no other server is cleaning up; none begins to, until the commit."""
        return self._sharing is None or self._sharing.hold_turn(self.connection)

    def moment(self) -> int:
        """Now in milliseconds, and never less than it was: for what must come before or after.

        Beside others it is the database's clock that says so, and who compares moments of a user
        holds that user: then an earlier moment is of an earlier commit, whichever server made it.

        What people are shown has the clock's own time, right or wrong: else a clock that was
        ahead for a minute would stop it for hours.
        """
        now = clock_ms() if self._sharing is None else self._sharing.now(self.connection)
        self._memory.moment = max(self._memory.moment, now)
        return self._memory.moment

    def reach(self, moment: int) -> None:
        """Something is of this moment: what comes after it must have a later one."""
        self._memory.moment = max(self._memory.moment, moment)

    def look_up_refs(self, keys: Iterable[RefKey]) -> None:
        """Learn in one query what is stored under many refs."""
        wanted = [key for key in keys if key not in self._looked_up]
        found = find_refs(self.connection, wanted)
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
        via: str | None = None,
        told: bytes | None = None,
        lengths: dict[int, int] | None = None,
    ) -> Entry:
        """Give the item's next seq to a new entry, and tell the live side of it.

        What is told may be more than what is stored: `told` in place of `body`.
        """
        seq = self.head(item_key) + 1
        self._memory.heads[item_key] = self._moved[item_key] = seq
        shown = body if told is None else told
        entry = Entry(
            item_key, seq, kind, author, self.now_ms, ref, target, shown, via=via, lengths=lengths
        )
        self._pending.append(
            (item_key, seq, kind.value, author.key, self.now_ms, ref, digest, target, body, via)
        )
        if kind is Kind.MESSAGE:
            self._mentions += mentions.new_mentions(item_key, seq, author.key, body)
        if ref is not None:
            self._refs[item_key, author.key, ref] = StoredRef(seq, self.now_ms, digest)
        self.events.append(EntryStored(entry))
        return entry

    def head(self, item_key: int) -> int:
        """The newest seq of an item, those of this transaction included."""
        if item_key not in self._memory.heads:
            ((self._memory.heads[item_key],),) = _head.fetch(self.connection, item_key)
        return self._memory.heads[item_key]

    def presume_new(self, refs: Iterable[RefKey]) -> None:
        """Take these refs for new without a look: an index refuses the one that is not."""
        self._looked_up.update(refs)

    def swap(self, sharing: Sharing, accesses: Iterable[Access]) -> set[int]:
        """Store the messages that were appended, outside of a transaction, as is remembered.

        None of them mentions anybody: that takes statements of its own.

        Args:
            sharing: does it.
            accesses: what all of them were judged by.

        Returns:
            The items whose messages were stored; the events of the others are dropped.
        """
        users: dict[int, int] = {}
        rights: dict[int, int] = {}
        for access in accesses:
            # Of two that differ one is outdated: with the older of them nothing is stored.
            for user_key, version in access.users.items():
                users[user_key] = min(version, users.get(user_key, version))
            item_key, version = access.item_key, access.standing.item_rights
            rights[item_key] = min(version, rights.get(item_key, version))
        new = Counter(entry[0] for entry in self._pending)
        moves = [
            ItemMove(key, head - new[key], head, rights[key]) for key, head in self._moved.items()
        ]
        messages = [
            NewMessage(item_key, seq, author_key, ref, digest, body, via)
            for item_key, seq, _, author_key, _, ref, digest, _, body, via in self._pending
        ]
        stored = sharing.swap(self.connection, users, moves, messages, self.now_ms)
        if len(stored) < len(moves):
            entries = [event for event in self.events if isinstance(event, EntryStored)]
            self.events = [event for event in entries if event.entry.item_key in stored]
        return stored

    def discard(self, events: int) -> None:
        """Forget what was appended but not flushed, and all events after the first `events`."""
        self._pending, self._mentions, self._moved = [], [], {}
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
        """Store what was appended, and move the heads."""
        if not self._pending:
            return
        if self._sharing is not None:
            self._sharing.store(self.connection, self._moved, self._pending, self.now_ms)
        else:
            pile.store(self.connection, self._pending, items=len(self._moved))
            moved = [(head, self.now_ms, item_key) for item_key, head in self._moved.items()]
            _move_head.run_many(self.connection, moved)
        mentions.store(self.connection, self._mentions)
        self._pending, self._mentions, self._moved = [], [], {}


def _stored_refs(table: type[LoggedRow]) -> Searched:
    key = col(table.item_key), col(table.author_key), col(table.ref)
    return select(*key, col(table.seq), col(table.at), col(table.digest)), key


_STORED_REFS: Lookup[RefKey, tuple[int, int, str, int, int, bytes | None]] = Lookup(
    *map(_stored_refs, pile.TABLES)
)


def find_refs(
    connection: Connection, keys: Iterable[RefKey]
) -> Sequence[tuple[int, int, str, int, int, bytes | None]]:
    """What is stored under refs: item, author, ref, seq, moment, digest."""
    return _STORED_REFS.fetch(connection, list(keys))


@statement
def _head(item_key: int) -> Select[int]:
    return select(col(Item.head)).where(col(Item.key) == item_key)


@statement
def _move_head(head: int, active_at: int, item_key: int) -> Update:
    moved = {col(Item.head): head, col(Item.active_at): active_at}
    return update(Item).where(col(Item.key) == item_key).values(moved)
