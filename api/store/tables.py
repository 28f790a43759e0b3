"""Which of the tables and indexes a database has."""

from typing import Any

from sqlalchemy import Dialect

from ..models import ONLY


def keeps(dialect: Dialect, table: Any) -> bool:
    """Whether a database has this table, or index."""
    only: str = table.info.get(ONLY, dialect.name)
    return only == dialect.name


def is_compared(dialect: Dialect, table: Any, _name: object, kind: str, *_: object) -> bool:
    """For Alembic, when it looks for what is left to migrate."""
    return kind not in {"table", "index"} or keeps(dialect, table)
