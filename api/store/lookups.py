"""One query for many keys, of which there are now more and now fewer."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain, repeat, starmap
from operator import eq
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Select, and_, column, union_all, values
from sqlalchemy.orm import Mapped

from .joins import SearchEach
from .statements import Row, Statement, placeholder

Key = TypeVar("Key", bound=tuple[Any, ...])

# Keys in one statement, as few as will do: each size is compiled once and stays prepared. The
# largest, with keys of three values, stays below the 999 that SQLite takes at the least.
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


Searched = tuple[Select[*tuple[Any, ...]], Sequence[Mapped[Any]]]
"""A query without a condition on the keys, and the columns that a key names, in its order."""


class Lookup(Generic[Key, Row]):
    """A query for whatever stands under many keys at once, in one table or in each of several."""

    def __init__(self, *places: Searched) -> None:
        self._queries = [query for query, _ in places]
        self._columns: Sequence[Sequence[Any]] = [columns for _, columns in places]
        self._width = len(self._columns[0])
        self._sizes: dict[int, Statement[Row, *tuple[Any, ...]]] = {}

    def fetch(self, connection: Connection, keys: Sequence[Key]) -> list[Row]:
        """The rows under these keys, in no order. May block; raises as a `Statement`."""
        if len(keys) == 1:  # Most come alone.
            return self.sized(1).fetch(connection, *keys[0])
        rows: list[Row] = []
        for start in range(0, len(keys), SIZES[-1]):
            part = keys[start : start + SIZES[-1]]
            size = SIZES[bisect_left(SIZES, len(part))]
            # Nothing equals null: what is left of the size finds nothing.
            rest = repeat(None, self._width * (size - len(part)))
            rows += self.sized(size).fetch(connection, *chain(*part, rest))
        return rows

    def sized(self, size: int) -> Statement[Row, *tuple[Any, ...]]:
        """The statement for so many keys."""
        made = self._sizes.get(size)
        if made is None:
            made = self._sizes[size] = self._make(size)
        return made

    def _make(self, size: int) -> Statement[Row, *tuple[Any, ...]]:
        names = [f"key_{place}" for place in range(self._width * size)]
        marks = list(map(placeholder, names))
        search = self._search_one if size == 1 else self._search_each
        return Statement(union_all(*search(marks)), names)

    def _search_one(self, marks: Sequence[Any]) -> Iterator[Select[*tuple[Any, ...]]]:
        for query, columns in zip(self._queries, self._columns, strict=True):
            yield query.where(*starmap(eq, zip(columns, marks, strict=True)))

    def _search_each(self, marks: Sequence[Any]) -> Iterator[Select[*tuple[Any, ...]]]:
        """The tables, each joined to the list of keys."""
        parts = [column(f"part_{place}", ours.type) for place, ours in enumerate(self._columns[0])]
        rows = [
            tuple(marks[start : start + self._width]) for start in range(0, len(marks), self._width)
        ]
        wanted = values(*parts, name="wanted").data(rows).cte("wanted")
        for query, columns in zip(self._queries, self._columns, strict=True):
            same = and_(*starmap(eq, zip(columns, wanted.c, strict=True)))
            yield query.select_from(SearchEach(wanted, columns[0].table, same))
