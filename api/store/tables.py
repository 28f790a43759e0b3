"""Which of the tables a database has."""

from typing import Any

from sqlalchemy import Dialect

from api.models import CLUSTERED_ONLY

# Databases in which a table may lie in the order of its key.
_CLUSTERING = frozenset({"sqlite"})


def keeps(dialect: Dialect, table: Any) -> bool:
    """Whether a database has this table."""
    return dialect.name in _CLUSTERING or not table.info.get(CLUSTERED_ONLY, False)


def is_compared(dialect: Dialect, table: Any, _name: object, kind: str, *_: object) -> bool:
    """For Alembic, when it looks for what is left to migrate."""
    return kind != "table" or keeps(dialect, table)
