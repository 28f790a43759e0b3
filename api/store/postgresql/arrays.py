"""Columns of values for one statement; how the driver writes them, `dumpers` tells it."""

from typing import Any

from sqlalchemy import ARRAY, cast, func


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
