"""Writing beside others: what a database offers that more than one process writes to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import Connection, Engine

from .notices import Notices


class ItemState(NamedTuple):
    """What an item's row says while it is held."""

    head: int
    rights: int
    """The version of its rights."""


@dataclass(frozen=True, slots=True)
class Held:
    """Rows that nobody else changes until the transaction ends, by their keys."""

    items: Mapping[int, ItemState]
    users: Mapping[int, int]
    """The versions of the users' rights."""


class ItemMove(NamedTuple):
    """An item's head, as it is believed to be, and as it shall be."""

    item_key: int
    head: int
    next_head: int
    rights: int


class NewMessage(NamedTuple):
    """A message for the log."""

    item_key: int
    seq: int
    author_key: int
    ref: str | None
    digest: bytes | None
    body: bytes | None
    via: str | None


NewEntry = tuple[
    int, int, str, int, int, str | None, bytes | None, int | None, bytes | None, str | None
]
"""item_key, seq, kind, author_key, at, ref, digest, target, body, via"""


class Sharing(Protocol):
    """Locks, and a swap without any. All methods block, and raise as a `Statement`.

    Items are always taken before users, each in the order of their keys.
    """

    def hold(self, connection: Connection, items: Sequence[int], users: Sequence[int]) -> Held:
        """Until the transaction ends, these heads and rights are what is read now."""

    def hold_place(self, connection: Connection, item_id: str, users: Sequence[int]) -> None:
        """The same for what users may do in an item, should there be one with this id."""

    def hold_user(self, connection: Connection, user_key: int) -> None:
        """Be the only one to begin or end what a user can sign in with."""

    def hold_turn(self, connection: Connection) -> bool:
        """Whether it is this process's turn to clean up: one at a time, until the commit."""

    def swap(
        self,
        connection: Connection,
        users: Mapping[int, int],
        items: Sequence[ItemMove],
        messages: Sequence[NewMessage],
        at: int,
    ) -> set[int]:
        """Store messages if what is remembered still stands; the items whose were stored.

        Args:
            connection: in no transaction: this is one, and commits.
            users: versions of the authors' rights, by key. When one has moved nothing is stored.
            items: when one has moved, or its rights have, none of its messages is stored.
            messages: of these authors and items, each item's in the order of their seqs.
            at: of all messages, in milliseconds since the epoch.

        Raises:
            sqlalchemy.exc.DBAPIError: nothing was stored, unless the connection was lost.
        """

    def store(
        self,
        connection: Connection,
        heads: Mapping[int, int],
        entries: Sequence[NewEntry],
        at: int,
    ) -> None:
        """Store entries of items that are held, and move the items' heads, by key, to the last."""

    def life(self, connection: Connection) -> str:
        """Names the history that the database is in.

        It is another one after it has gone on from a copy, which may lack the newest commits.
        """

    def notices(self) -> Notices:
        """A way by which servers tell each other, not yet open."""

    def open_aside(self) -> Engine:
        """An engine for what is no history, and need not outlive a crash of the database.

        It has one connection, beside that of the writer.
        """

    def now(self, connection: Connection) -> int:
        """The one clock that all who write go by, in milliseconds since the epoch."""
