"""Everything of one database into another, row by row as it is, and then compared.

In one transaction of the target: whatever ends a move before its end leaves nothing there, and it
begins anew. So no half of a database can ever be served.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Integer, func, inspect, select, tuple_
from sqlalchemy.schema import Table as Described

from ..models import Table
from .failures import DatabaseError
from .postgresql.database import unhurried
from .tables import keeps

# Rows in one read: what is held of either database at a time.
PAGE = 5000

Progress = Callable[[str, int], None]
"""Called with what is done to which table, and to how many of its rows by now."""
Rows = Sequence[Sequence[Any]]


def move(source: Engine, target: Engine, progress: Progress) -> dict[str, int]:
    """Copy all rows into an empty PostgreSQL, compare all of them, commit; rows by table. Blocks.

    Nobody else may write to either; both have the newest schema, and nothing is on the pile.

    Raises:
        DatabaseError: the target is not empty, or cannot hold what is in the source; or it does
            not hold it, though nothing has failed.
        sqlalchemy.exc.DBAPIError: as a `Statement`.
    """
    ends = (source.dialect, target.dialect)
    tables = [one for one in Table.metadata.sorted_tables if all(keeps(end, one) for end in ends)]
    with source.begin() as taken, unhurried(target) as given:
        for table in tables:
            if given.execute(select(table).limit(1)).first() is not None:
                raise DatabaseError(f"{table.name} has rows already: move into an empty database.")
        rows = {table.name: _copy(taken, given, table, progress) for table in tables}
        for table in tables:
            _compare(taken, given, table, progress)
            _continue_key(given, table)
    return rows


def _copy(taken: Connection, given: Connection, table: Described, progress: Progress) -> int:
    driver: Any = given.connection.driver_connection
    quote = given.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.columns)
    copied = 0
    with driver.cursor().copy(f"COPY {quote(table.name)} ({columns}) FROM STDIN") as copy:
        for page in _pages(taken, table):
            for row in page:
                _refuse_nul(table, row)
                copy.write_row(row)
            copied += len(page)
            progress(f"copying {table.name}", copied)
    return copied


def _compare(taken: Connection, given: Connection, table: Described, progress: Progress) -> None:
    compared = 0
    for here, there in _together(_pages(taken, table), _pages(given, table)):
        for mine, theirs in zip(here, there, strict=True):
            if tuple(mine) != tuple(theirs):
                raise DatabaseError(f"A row of {table.name} is not what it was; nothing was moved.")
        compared += len(here)
        progress(f"comparing {table.name}", compared)


def _together(one: Iterator[Rows], other: Iterator[Rows]) -> Iterator[tuple[Rows, Rows]]:
    """Pages of both; of the same length, or an error."""
    return zip(one, other, strict=True)


def _pages(connection: Connection, table: Described) -> Iterator[Rows]:
    """All rows, in the order of their keys, which both databases compare as numbers or bytes."""
    keys = list(table.primary_key)
    query = select(table).order_by(*keys).limit(PAGE)
    places = [list(table.columns).index(key) for key in keys]
    page: Rows = connection.execute(query).all()
    while page:
        yield page
        last = tuple(page[-1][place] for place in places)
        page = connection.execute(query.where(tuple_(*keys) > last)).all()


def _refuse_nul(table: Described, row: Sequence[Any]) -> None:
    for column, value in zip(table.columns, row, strict=True):
        if isinstance(value, str) and "\0" in value:
            key = {one.name: row[list(table.columns).index(one)] for one in table.primary_key}
            raise DatabaseError(
                f"{table.name} {key} has a NUL character in {column.name}, which PostgreSQL cannot "
                "hold: change it first."
            )


def _continue_key(given: Connection, table: Described) -> None:
    """Let the database go on counting behind the largest key that it did not give itself."""
    (key, *more) = inspect(table).primary_key
    if more or not isinstance(key.type, Integer):
        return
    name = given.dialect.identifier_preparer.quote(table.name)
    last = select(func.max(key)).scalar_subquery()
    sequence = func.pg_get_serial_sequence(name, key.name)
    given.execute(select(func.setval(sequence, last)).where(last.is_not(None)))
