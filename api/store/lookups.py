"""One query for many keys, of which there are now more and now fewer."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import chain, repeat
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Select, and_, column, values
from sqlalchemy.orm import Mapped

from api.store.joins import SearchEach
from api.store.statements import Row, Statement, placeholder

Key = TypeVar("Key", bound=tuple[Any, ...])

# Keys in one statement, as few as will do: each size is compiled once and stays prepared. The
# largest, with keys of three values, stays below the 999 that SQLite takes at the least.
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)


class Lookup(Generic[Key, Row]):
    """A query for whatever stands under many keys at once.

    Args:
        query: without a condition on the keys.
        columns: those that a key names, in its order.
    """

    def __init__(self, query: Select[*tuple[Any, ...]], columns: Sequence[Mapped[Any]]) -> None:
        self._query = query
        self._columns: Sequence[Any] = columns
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
            rest = repeat(None, len(self._columns) * (size - len(part)))
            rows += self.sized(size).fetch(connection, *chain(*part, rest))
        return rows

    def sized(self, size: int) -> Statement[Row, *tuple[Any, ...]]:
        """The statement for so many keys."""
        made = self._sizes.get(size)
        if made is None:
            made = self._sizes[size] = self._make(size)
        return made

    def _make(self, size: int) -> Statement[Row, *tuple[Any, ...]]:
        names = [f"key_{place}" for place in range(len(self._columns) * size)]
        marks = list(map(placeholder, names))
        if size == 1:
            alike = [ours == mark for ours, mark in zip(self._columns, marks, strict=True)]
            return Statement(self._query.where(*alike), names)
        return Statement(self._query.select_from(self._searched(marks)), names)

    def _searched(self, marks: Sequence[Any]) -> SearchEach:
        """The table, joined to the list of keys."""
        width = len(self._columns)
        parts = [column(f"part_{place}", part.type) for place, part in enumerate(self._columns)]
        rows = [tuple(marks[start : start + width]) for start in range(0, len(marks), width)]
        wanted = values(*parts, name="wanted").data(rows).cte("wanted")
        same = [ours == theirs for ours, theirs in zip(self._columns, wanted.c, strict=True)]
        return SearchEach(wanted, self._columns[0].table, and_(*same))
