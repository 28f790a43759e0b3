"""Columns of values for one statement, where a database has arrays: those that servers share have.

How the driver writes them, `dumpers` of that database tells it.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, cast, func
from sqlalchemy.orm import Mapped
from sqlalchemy.types import TypeEngine


class BigIntegers(tuple[int | None, ...]):
    """A bigint[]."""

    __slots__ = ()


class Texts(tuple[str | None, ...]):
    """A text[]."""

    __slots__ = ()


class Bytes(tuple[bytes | None, ...]):
    """A bytea[]."""

    __slots__ = ()


def as_rows(**columns: tuple[Any, Any]) -> Any:
    """Arrays of equal length, each with the type of its values, as the columns of a table."""
    arrays = (cast(given, ARRAY(kind)) for given, kind in columns.values())
    return func.unnest(*arrays).table_valued(*columns).render_derived()


def columns_of(rows: Iterable[tuple[int, ...]]) -> Iterable[BigIntegers]:
    """The columns of some rows of numbers, of which there is one at least."""
    return map(BigIntegers, zip(*rows, strict=True))


def number_rows(**columns: Any) -> Any:
    """The same, of numbers alone."""
    return as_rows(**{name: (given, BigInteger()) for name, given in columns.items()})


def among(
    column: Mapped[Any], values: Any, kind: type[TypeEngine[Any]] = BigInteger
) -> ColumnElement[bool]:
    """Whether a column's value is one of an array's; keys, unless they are said to be otherwise."""
    return column == any_(cast(values, ARRAY(kind)))
