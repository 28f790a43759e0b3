"""Where new entries wait before they are put in their places: the only module that knows of it.

The log is clustered by item, so a commit of fifty messages in fifty items changes a page of the
file for each, one more for the index of refs, and what splits of either move. Such a commit goes
onto the pile instead, in the order in which it came: a handful of pages. From there entries get
to their places many at once, when each page takes more than one of them.

An entry is in either table, never in both. Who reads a log reads `everywhere`; what changes or
deletes entries first calls `settle`.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import (
    CompoundSelect,
    Connection,
    Delete,
    Insert,
    Select,
    delete,
    func,
    insert,
    inspect,
    select,
    union_all,
)
from sqlmodel import col

from ..models import EntryRow, LoggedRow, PileRow
from ..store.sharing import NewEntry
from ..store.statements import Columns, Statement, statement
from ..store.tables import keeps

# Items in one commit from which on its entries go onto the pile: fewer write as few pages either
# way, and need not be moved.
SPREAD = 8
# Entries on the pile at which all are put in their places: some fifteen milliseconds of the
# writer's time. Half as many, of 200 items, write half as much again.
PILE_ENTRIES = 2000

TABLES: tuple[type[LoggedRow], ...] = (EntryRow, PileRow)

_PILE = inspect(PileRow).local_table


def has_pile(connection: Connection) -> bool:
    """Whether there is one: only where tables are clustered by their keys."""
    return keeps(connection.dialect, _PILE)


def tables(connection: Connection) -> tuple[type[LoggedRow], ...]:
    """Where entries are in this database."""
    return TABLES if has_pile(connection) else TABLES[:1]


def everywhere(
    build: Callable[[type[LoggedRow]], Select[*Columns]],
) -> CompoundSelect[*Columns]:
    """A query of a log, whichever table its entries are in: `build` makes it for one."""
    return union_all(*map(build, TABLES))


def store(connection: Connection, entries: Sequence[NewEntry], *, items: int) -> None:
    """Store the new entries of so many items."""
    if items < SPREAD or not has_pile(connection):
        _TO_PLACE.run_many(connection, entries)
        return
    ((waiting,),) = _waiting.fetch(connection)
    if waiting is not None and waiting >= PILE_ENTRIES:
        settle_all(connection)
    _TO_PILE.run_many(connection, entries)


def settle(connection: Connection, item_key: int) -> None:
    """Put all entries of an item in their places."""
    if has_pile(connection) and _settle.run(connection, item_key):
        _settled.run(connection, item_key)


def settle_all(connection: Connection) -> None:
    """Put all entries in their places."""
    if has_pile(connection) and _settle_all.run(connection):
        _all_settled.run(connection)


def _insertion(table: type[LoggedRow]) -> Statement[tuple[()], *NewEntry]:
    @statement
    def insertion(  # noqa: PLR0917 - a row has its columns
        item_key: int,
        seq: int,
        kind: str,
        author_key: int,
        at: int,
        ref: str | None,
        digest: bytes | None,
        target: int | None,
        body: bytes | None,
        via: str | None,
    ) -> Insert:
        return insert(table).values(
            {
                col(table.item_key): item_key,
                col(table.seq): seq,
                col(table.kind): kind,
                col(table.author_key): author_key,
                col(table.at): at,
                col(table.ref): ref,
                col(table.digest): digest,
                col(table.target): target,
                col(table.body): body,
                col(table.via): via,
            }
        )

    return insertion


_TO_PLACE, _TO_PILE = map(_insertion, TABLES)


@statement
def _waiting() -> Select[int | None]:
    """How many are on the pile, or somewhat more: two looks at the ends of its key."""
    newest, oldest = (
        select(end(col(PileRow.key))).scalar_subquery() for end in (func.max, func.min)
    )
    return select(newest - oldest + 1)


def _moved() -> Select[*tuple[object, ...]]:
    piled = inspect(PileRow).columns
    return select(*(piled[column.key] for column in inspect(EntryRow).columns)).order_by(
        col(PileRow.item_key), col(PileRow.seq)
    )


def _into_place(moved: Select[*tuple[object, ...]]) -> Insert:
    return insert(EntryRow).from_select(list(inspect(EntryRow).columns), moved)


@statement
def _settle(item_key: int) -> Insert:
    return _into_place(_moved().where(col(PileRow.item_key) == item_key))


@statement
def _settled(item_key: int) -> Delete:
    return delete(PileRow).where(col(PileRow.item_key) == item_key)


@statement
def _settle_all() -> Insert:
    return _into_place(_moved())


@statement
def _all_settled() -> Delete:
    return delete(PileRow)
